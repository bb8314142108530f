#include "tests/unit/sagas/federation.hpp"

namespace caravan::test {

namespace {

const std::string net = "van/net";
const std::string box = "host/box";
const std::string mac = "52:54:00:00:00:01";

vm_spec spec() {
    vm_spec s;
    s.name = vm_name("guest");
    s.uuid = "7a1c";
    s.memory = 128;
    s.machine = "pc";
    s.cpu_model = "qemu64";
    s.nics = {{mac, van_name("net")}};
    return s;
}

bool starts(const std::string& stream, std::string_view with) { return stream.starts_with(with); }

step_result of(const result<std::string>& r) {
    if (r) return {outcome::ok, *r};
    const auto kind = r.error().kind;
    return {kind == certainty::transient   ? outcome::transient
            : kind == certainty::permanent ? outcome::permanent
                                           : outcome::unknown,
            r.error().reason};
}

result<std::string> as_result(const decision& d) {
    if (d) return "";
    return permanent(d.error().reason);
}

}  // namespace

std::string key_of(const asking& a) { return to_json(a); }

federation::federation(std::uint64_t seed) : luck{std::mt19937_64(seed)}, outside(time, luck) {
    for (std::size_t i = 0; i < 2; ++i) {
        cells[i].name = cloud_name(i == 0 ? "thales" : "umea");
        host::inventory has;
        has.memory = has.disk_free = 1000;
        has.machines = {"pc"};
        has.cpu_models = {"qemu64"};
        submit(cells[i], box, host::command(host::hello{has}));
        submit(cells[i], net, van::command(van::create{7, cells[0].name}));
    }
    outside.here.guest = copy::running;
    submit(cells[0], guest, vm::command(vm::observe{spec(), host_name("box"), true, true}));
    submit(cells[0], net, van::command(van::move_route{mac, cells[0].name, host_name("box"), epoch(1)}));
    for (auto& c : cells) hear_soon(c);
}

void federation::migrate() {
    if (count_++ > 0) {
        from = 1 - from;
        outside.turn();
    }
    if (vm_at(source()).now != vm::phase::running) {  // undone the last time: it stayed where it was
        from = 1 - from;
        outside.turn();
    }
    id = "m" + std::to_string(count_);
    seen_ = migration::phase::absent;
    luck.faults = true;
    faults_end_ = time.now() + 1h;
    vm::begin_move c;
    c.migration = migration_id(id);
    c.to = destination().name;
    c.deadline = time.now() + luck.between(30s, 8min);
    c.over = vm_at(source()).move;
    submit(cells[from], guest, vm::command(c));
    time.after(luck.between(1s, 1min), [this] { misfortune(); });
    if (luck.chance(0.25))
        time.after(luck.between(0s, 2min), [this, stream = "migration/" + id] {
            submit(cells[from], stream, migration::command(migration::abort{"operator"}));
        });
}

result<std::string> federation::reclaim(bool fenced) {
    auto& c = cells[from];
    const auto stream = "migration/" + id;
    const auto said = as_result(ask(c, c.sagas, stream, migration::command(migration::reclaim{"operator", "host lost", fenced})));
    refresh(c, stream);
    return said;
}

bool federation::ended() const {
    if (!migration::over(saga())) return false;
    const auto* v = visiting();
    using visit::phase;
    return !v || v->now == phase::absent || v->now == phase::settled || v->now == phase::freed;
}

const visit::state* federation::visiting() const {
    const auto found = destination().visits.find("visit/" + id);
    return found == destination().visits.end() ? nullptr : &found->second;
}

void federation::run() {
    const auto begun = time.now();
    while (violation.empty() && !ended() && time.now() < begun + 6h && time.step()) check();
    if (violation.empty() && !ended()) complain("it does not end");
    // Whatever comes late must change nothing.
    const auto closing = time.now() + 20min;
    while (violation.empty() && time.now() < closing && time.step()) check();
}

// ---- the journal

template <class State, class Command>
decision federation::ask(cell& c, std::map<std::string, State>& states, const std::string& stream,
                         const Command& what) {
    auto& state = states[stream];
    if constexpr (std::is_same_v<State, migration::state>) note(state, what);
    const context now{time.now(), c.name};
    auto facts = decide(state, what, now);
    if (facts && !facts->empty()) append(c, stream, *facts);
    return facts;
}

void federation::submit(cell& c, const std::string& stream, const command& what) {
    ++commands;
    std::visit(overloaded{
        [&](const vm::command& x) { ask(c, c.vms, stream, x); },
        [&](const host::command& x) { ask(c, c.hosts, stream, x); },
        [&](const van::command& x) { ask(c, c.vans, stream, x); },
        [&](const migration::command& x) { ask(c, c.sagas, stream, x); },
        [&](const visit::command& x) { ask(c, c.visits, stream, x); },
        [](const auto&) {},
    }, what);
    const bool of_saga = starts(stream, "migration/") || starts(stream, "visit/");
    if (of_saga && luck.chance(0.05))  // it comes twice, the second time at any time
        time.after(luck.between(0s, 3min), [this, &c, stream, what] { submit(c, stream, what); });
    refresh(c, stream);
}

void federation::append(cell& c, const std::string& own, const std::vector<said>& facts) {
    for (const auto& s : facts) {
        const auto stream = s.stream.empty() ? own : s.stream.text;
        event e;
        e.at = position(c.journal.size() + 1);
        e.stream = stream_id(stream);
        e.v = version(++c.versions[stream]);
        e.source = c.name;
        e.time = time.now();
        e.audience = s.audience;
        e.what = s.what;
        c.journal.push_back(encode(e));
        evolve_all(c, stream, s.what, time.now());
        if (!s.audience.empty()) {
            c.feed.push_back(c.journal.back().shared);
            hear_soon(peer_of(c));
        }
        if (stream != own) time.after(1ms, [this, &c, stream] { refresh(c, stream); });
    }
}

void federation::evolve_all(cell& c, const std::string& stream, const fact& what, instant at) {
    std::visit(overloaded{
        [&](const vm::fact& x) {
            evolve(c.vms[stream], x, at);
            const auto now = c.vms[stream].run_right;
            if (const auto* got = std::get_if<vm::run_right_acquired>(&x); got && c.life == 0) {
                if (got->run_right != now) complain("an epoch was lost");
            }
        },
        [&](const host::fact& x) { evolve(c.hosts[stream], x, at); },
        [&](const van::fact& x) { evolve(c.vans[stream], x, at); },
        [&](const migration::fact& x) { evolve(c.sagas[stream], x, at); },
        [&](const visit::fact& x) { evolve(c.visits[stream], x, at); },
        [](const auto&) {},
    }, what);
}

// ---- feeds

void federation::hear_soon(cell& reader) {
    time.at(std::max(reader.dark_until, time.now()) + luck.between(20ms, 200ms), [this, &reader] { hear(reader); });
}

void federation::hear(cell& reader) {
    if (time.now() < reader.dark_until) return hear_soon(reader);
    const auto& feed = peer_of(reader).feed;
    while (reader.heard < feed.size()) {
        const auto e = decode(feed[reader.heard++]);
        if (!e) return complain("a feed cannot be read: " + e.error().detail);
        dispatch(reader, *e);
    }
}

void federation::dispatch(cell& reader, const event& e) {
    const auto subject = std::string(subject_of(e.stream));
    if (const auto* group = std::get_if<migration::fact>(&e.what)) {
        if (const auto* x = std::get_if<migration::asked>(group))
            submit(reader, "visit/" + subject, visit::command(visit::ask{x->key, x->about}));
    } else if (const auto* told = std::get_if<visit::fact>(&e.what)) {
        if (const auto* x = std::get_if<visit::answered>(told))
            submit(reader, "migration/" + subject,
                   migration::command(migration::hear_result{side::destination, x->key, x->how, x->ticket}));
    } else if (const auto* of_vm = std::get_if<vm::fact>(&e.what)) {
        if (const auto* x = std::get_if<vm::run_right_reclaimed>(of_vm))
            submit(reader, "visit/" + x->migration.text, visit::command(visit::hear_reclaim{x->run_right}));
        if (const auto* x = std::get_if<vm::run_right_released>(of_vm))
            submit(reader, "visit/" + x->migration.text, visit::command(visit::hear_release{x->run_right, false}));
    } else if (const auto* of_van = std::get_if<van::fact>(&e.what)) {
        if (const auto* x = std::get_if<van::route_moved>(of_van))
            submit(reader, e.stream.text, van::command(van::move_route{x->mac, x->at, {}, x->run_right}));
    }
}

// ---- effects

effects federation::pending_of(const cell& c, const std::string& stream) const {
    if (const auto s = c.sagas.find(stream); s != c.sagas.end()) return migration::pending(s->second);
    if (const auto s = c.visits.find(stream); s != c.visits.end()) return visit::pending(s->second);
    return {};
}

bool federation::still_pending(const cell& c, const std::string& stream, const errand& e) const {
    for (const auto& effect : pending_of(c, stream))
        if (const auto* other = std::get_if<errand>(&effect); other && other->key == e.key) return true;
    return false;
}

void federation::refresh(cell& c, const std::string& stream) {
    if (!starts(stream, "migration/") && !starts(stream, "visit/")) return;
    const auto now = ++c.generation[stream];
    for (const auto& effect : pending_of(c, stream)) {
        if (const auto* w = std::get_if<wake>(&effect)) {
            const bool late = luck.chance(0.02);  // a timer that could not be stopped any more
            time.at(w->at, [this, &c, stream, now, late, what = w->what, life = c.life] {
                if (c.life == life && (late || c.generation[stream] == now)) submit(c, stream, what);
            });
        } else if (const auto* e = std::get_if<errand>(&effect)) {
            if (!c.started[stream].insert(key_of(e->key)).second) continue;
            time.at(std::max(e->not_before, time.now() + 1ms), [this, &c, stream, e = *e, life = c.life] {
                if (c.life == life && still_pending(c, stream, e)) start(c, stream, e);
            });
        }
    }
}

void federation::start(cell& c, const std::string& stream, const errand& e) {
    if (saga::deeds_of(e.key.what, e.about.here).empty()) return complain("an errand without deeds");
    next_deed(c, stream, e, 0, {});
}

void federation::next_deed(cell& c, const std::string& stream, const errand& e, std::size_t i, step_result sofar) {
    const auto deeds = saga::deeds_of(e.key.what, e.about.here);
    if (i == deeds.size()) return report(c, e, sofar);
    if (!still_pending(c, stream, e)) return;
    const auto& d = deeds[i];
    if (d.only_again && e.key.round == 0) return next_deed(c, stream, e, i + 1, sofar);
    const auto go_on = [this, &c, stream, e, i, d, life = c.life](const result<std::string>& r) {
        time.after(luck.between(1ms, 100ms), [=, this, &c] {
            if (c.life != life) return;
            if (luck.chance(0.02)) return;  // its report is lost
            if (r || d.best_effort) return next_deed(c, stream, e, i + 1, r ? of(r) : step_result{});
            report(c, e, of(r));
        });
    };
    if (luck.chance(0.02)) return go_on(transient("device_offline"));
    if (luck.chance(0.01)) return go_on(unknown("connection_lost"));
    const bool no_way_back = e.key.what == op::release_run_right || e.key.way == direction::undo ||
                             e.key.step > saga::pivot_step || e.key.what == op::keep_vm || e.key.what == op::yield ||
                             e.key.what == op::observe;
    if (!no_way_back && luck.chance(0.01)) return go_on(permanent("broken"));
    if (d.who == saga::doer::books) return go_on(write(c, e, d.books_entry));
    if (d.device_act == act::send_record) {
        auto& peer = peer_of(c);
        const auto right = e.about.run_right;
        if (!luck.chance(0.3))
            time.after(luck.between(10ms, 60ms), [this, &peer, right, to = "visit/" + e.key.migration.text] {
                submit(peer, to, visit::command(visit::hear_release{right, true}));
            });
        return go_on("");
    }
    // A device takes one order of a migration after the other, also those of an earlier life.
    c.devices_busy = std::max(c.devices_busy, time.now()) + luck.between(5ms, 2s);
    const bool reply_lost = luck.chance(0.03);
    time.at(c.devices_busy, [this, e, d, go_on, reply_lost] {
        outside.perform(e.about.here == side::source, d.device_act, [=](const result<std::string>& r) {
            go_on(reply_lost ? result<std::string>(unknown("connection_lost")) : r);
        });
    });
}

void federation::report(cell& c, const errand& e, step_result how) {
    if (how.ended == outcome::ok && e.key.what != op::observe) how.reason.clear();
    const signed_ticket ticket{"leave", "signature"};
    const bool reserved = e.key.what == op::reserve && how.ended == outcome::ok;
    if (e.about.here == side::source)
        submit(c, "migration/" + e.key.migration.text,
               migration::command(migration::hear_result{side::source, e.key, how, {}}));
    else
        submit(c, "visit/" + e.key.migration.text,
               visit::command(visit::hear_result{e.key, how, host_name(reserved ? "box" : ""),
                                                 reserved ? ticket : signed_ticket{}}));
}

result<std::string> federation::write(cell& c, const errand& e, saga::entry what) {
    const auto& j = e.about;
    const auto vm_asked = [&](const vm::command& x) { return as_result(ask(c, c.vms, guest, x)); };
    const auto host_asked = [&](const host::command& x) { return as_result(ask(c, c.hosts, box, x)); };
    const auto routed = [&](const cloud_name& at) {
        const host_name host(at == c.name ? "box" : "");
        return as_result(ask(c, c.vans, net, van::command(van::move_route{mac, at, host, j.run_right})));
    };
    switch (what) {
        case saga::entry::none: return "";
        case saga::entry::admit: {
            host::reserve r{j.id, j.vm.memory, 10, 0, j.vm.machine, j.vm.cpu_model, {}};
            if (auto kept = host_asked(r); !kept) return kept;
            const auto awaited = vm_asked(vm::expect{j.id, j.peer, j.run_right, j.vm, host_name("box")});
            if (!awaited) host_asked(host::release{j.id});
            return awaited;
        }
        case saga::entry::forget:
            vm_asked(vm::forget{j.id});
            return host_asked(host::release{j.id});
        case saga::entry::keep_vm: return vm_asked(vm::abandon_move{j.id, "undone"});
        case saga::entry::release: return vm_asked(vm::release{j.id});
        case saga::entry::acquire: return vm_asked(vm::acquire{j.id, j.run_right});
        case saga::entry::routes_here: return routed(c.name);
        case saga::entry::routes_there: return routed(j.peer);
        case saga::entry::depart: return vm_asked(vm::depart{j.id});
        case saga::entry::reclaim: return vm_asked(vm::reclaim{j.id, j.run_right});
        case saga::entry::forfeit: return vm_asked(vm::forfeit{j.id, j.run_right});
        case saga::entry::settle: return host_asked(host::release{j.id});
    }
    return "";
}

}  // namespace caravan::test
