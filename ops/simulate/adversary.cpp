#include "ops/simulate/adversary.hpp"

#include <algorithm>

#include "events/chain.hpp"

namespace caravan::simulate {

using namespace std::chrono_literals;

struct adversary::row {
    fault_kind kind;
    deed strike;
};

const adversary::row& adversary::row_of(fault_kind kind) {
    using enum fault_kind;
    using a = adversary;
    static constexpr row table[] = {
        {fault_kind::kill_vm, &a::kill_vm},
        {fault_kind::kill_host, &a::kill_host},
        {fault_kind::kill_proxy, &a::kill_proxy},
        {fault_kind::kill_cloud, &a::kill_cloud},
        {fault_kind::kill_van, &a::kill_van},
        {fault_kind::kill_migration, &a::kill_migration},
        {fault_kind::kill_visit, &a::kill_visit},
        {fault_kind::kill_errand, &a::kill_errand},
        {fault_kind::kill_agent_adapter, &a::kill_agent_adapter},
        {fault_kind::kill_proxy_adapter, &a::kill_proxy_adapter},
        {fault_kind::end_controller, &a::end_controller},
        {fault_kind::end_agent, &a::end_agent},
        {fault_kind::end_proxy, &a::end_proxy},
        {fault_kind::die_in_append, &a::die_in_append},
        {fault_kind::host_power, &a::host_power},
        {fault_kind::libvirtd_restart, &a::libvirtd_restart},
        {fault_kind::libvirtd_away, &a::libvirtd_away},
        {qemu_source, &a::qemu_dies},
        {qemu_destination, &a::qemu_dies},
        {fault_kind::wan_dark, &a::wan_dark},
        {fault_kind::wan_cut, &a::wan_cut},
        {fault_kind::wan_deaf, &a::wan_deaf},
        {fault_kind::control_cut, &a::control_cut},
        {fault_kind::feed_outage, &a::feed_outage},
        {fault_kind::feed_slow, &a::feed_slow},
        {fault_kind::feed_repeats, &a::feed_repeats},
        {fault_kind::feed_rewound, &a::feed_rewound},
        {fault_kind::disk_slow, &a::disk_slow},
        {fault_kind::disk_full, &a::disk_full},
        {fault_kind::clock_jump, &a::clock_jump},
        {fault_kind::resubmit, &a::resubmit},
        {fault_kind::abort, &a::abort},
        {fault_kind::forge, &a::forge},
    };
    return *std::ranges::find(table, kind, &row::kind);
}

adversary::adversary(federation& f, watch& w, client& c, dice luck, fault_list list,
                     std::optional<std::set<std::size_t>> only)
    : f_(f), watch_(w), client_(c), luck_(luck), list_(std::move(list)), only_(std::move(only)) {}

void adversary::begin() { arm(); }

void adversary::arm() {
    auto next = list_.next();
    f_.time.after(next.at - f_.time.passed(), [this, next] {
        if (over_) return;
        if (!only_ || only_->contains(next.number)) {
            if (next.when) waiting_.push_back(next);
            else strike(next, nullptr);
        }
        arm();
    });
}

void adversary::progressed(const migration_id& id, const followed& m) {
    if (m.ended) {
        where_.erase(id);
        return;
    }
    const moment now{m.saga.step, migration::way_of(m.saga)};
    const auto before = where_.find(id);
    if (before != where_.end() && before->second == now) return;
    where_[id] = now;
    const auto fits = std::ranges::find_if(waiting_, [&](const fault& f) { return *f.when == now; });
    if (fits == waiting_.end() || over_) return;
    const auto chosen = *fits;
    waiting_.erase(fits);
    f_.time.after(chosen.later, [this, chosen, id] {
        if (!over_) strike(chosen, &id);
    });
}

adversary::target adversary::aim(const fault& f, const migration_id* subject) {
    const auto& open = watch_.open();
    auto found = subject ? open.find(*subject) : open.end();
    if (found == open.end() && !open.empty()) {
        found = open.begin();
        std::advance(found, f.choice % open.size());
    }
    target t{f, nullptr, nullptr, 0, {}, {}, true};
    if (found == open.end() || found->second.vm.text.empty()) {
        const auto which = f.choice % f_.clouds.size();
        t.at = f_.clouds[which].get();
        t.other = f_.clouds[(which + 1) % f_.clouds.size()].get();
        t.host = (f.choice >> 8) % t.at->hosts();
        return t;
    }
    const auto& m = found->second;
    t.at_source = f.kind == fault_kind::qemu_source ||
                  (f.kind != fault_kind::qemu_destination && (f.choice >> 16) % 2 == 0);
    t.at = &f_.of(t.at_source ? m.from : m.to);
    t.other = &f_.of(t.at_source ? m.to : m.from);
    t.host = host_of(*t.at, t.at_source ? m.saga.what.host : m.guest_host);
    t.id = found->first;
    t.vm = m.vm;
    return t;
}

std::size_t adversary::host_of(const cloud& c, const host_name& name) {
    for (std::size_t i = 0; i < c.hosts(); ++i)
        if (c.place_of(i).host == name) return i;
    return 0;
}

void adversary::strike(const fault& f, const migration_id* subject) {
    const auto t = aim(f, subject);
    ++struck[std::string(name_of(f.kind))];
    if (const auto at = where_.find(t.id); at != where_.end()) ++coverage[{at->second, f.kind}];
    done.push_back(f);
    watch_.note("fault " + in_words(f) + " in " + t.at->name.text + (t.id.text.empty() ? "" : ", " + t.id.text));
    (this->*row_of(f.kind).strike)(t);
}

void adversary::mend_later(const fault& f, std::function<void()> how) {
    f_.time.after(f.lasts, [this, how = std::move(how)] {
        if (!over_) how();
    });
}

void adversary::stop() {
    over_ = true;
    f_.world.set_dark(false);
    f_.world.set_deaf(false);
    for (auto& c : f_.clouds) {
        c->disk.faults = {};
        c->clock.off = {};
        c->start_controller();
        c->start_proxy();
        c->hub.heal(c->proxy_device());
        for (std::size_t i = 0; i < c->hosts(); ++i) {
            f_.world.set_reachable(c->place_of(i), true);
            c->start_agent(i);
            c->hub.heal(c->device_of(i));
        }
        c->each_process([](process& p) { p.disk_pause = {}; });
    }
    f_.each_feed([](sim::feed_line& l) { l.faults = usual_feed(); });
}

// ---- actors

void adversary::kill_stream(const target& t, const std::string& stream) {
    if (auto* c = t.at->controller()) c->actors().kill(stream_id(stream));
}
void adversary::kill_vm(const target& t) { kill_stream(t, "vm/" + t.vm.text); }
void adversary::kill_host(const target& t) { kill_stream(t, "host/" + t.at->place_of(t.host).host.text); }
void adversary::kill_proxy(const target& t) { kill_stream(t, "proxy/" + t.at->proxy_device().name); }
void adversary::kill_cloud(const target& t) { kill_stream(t, "cloud/" + t.other->name.text); }
void adversary::kill_van(const target& t) { kill_stream(t, "van/lan" + std::to_string(1 + t.f.choice % 2)); }
void adversary::kill_migration(const target& t) {
    if (auto* c = f_.of(t.at_source ? t.at->name : t.other->name).controller())
        c->actors().kill(stream_id("migration/" + t.id.text));
}
void adversary::kill_visit(const target& t) {
    if (auto* c = f_.of(t.at_source ? t.other->name : t.at->name).controller())
        c->actors().kill(stream_id("visit/" + t.id.text));
}
void adversary::kill_errand(const target& t) {
    if (auto* c = t.at->controller_process()) c->kill_errand(t.id);
}
void adversary::kill_agent_adapter(const target& t) {
    constexpr act all[] = {act::start_copy, act::attach_silent, act::open_end};
    if (auto* a = t.at->agent_process(t.host)) a->agent().kill(all[t.f.choice % std::size(all)]);
}
void adversary::kill_proxy_adapter(const target& t) {
    constexpr act all[] = {act::open_relay, act::set_routes};
    if (auto* p = t.at->proxy_process()) p->proxy().kill(all[t.f.choice % std::size(all)]);
}

// ---- processes

void adversary::end_controller(const target& t) {
    t.at->kill_controller();
    mend_later(t.f, [c = t.at] { c->start_controller(); });
}
void adversary::end_agent(const target& t) {
    t.at->kill_agent(t.host);
    mend_later(t.f, [this, c = t.at, host = t.host] {
        if (f_.world.reachable(c->place_of(host))) c->start_agent(host);
    });
}
void adversary::end_proxy(const target& t) {
    t.at->kill_proxy();
    mend_later(t.f, [c = t.at] { c->start_proxy(); });
}
void adversary::die_in_append(const target& t) {
    t.at->disk.faults.die_in_append = true;
    mend_later(t.f, [c = t.at] {
        c->disk.faults.die_in_append = false;
        c->start_controller();
    });
}

// ---- machines

void adversary::host_power(const target& t) {
    const auto where = t.at->place_of(t.host);
    t.at->kill_agent(t.host);
    f_.world.power_loss(where);
    f_.world.set_reachable(where, false);
    mend_later(t.f, [this, c = t.at, host = t.host, where] {
        f_.world.set_reachable(where, true);
        c->start_agent(host);
    });
}
void adversary::libvirtd_restart(const target& t) { f_.world.restart_daemon(t.at->place_of(t.host)); }
void adversary::libvirtd_away(const target& t) {
    const auto where = t.at->place_of(t.host);
    f_.world.set_reachable(where, false);
    mend_later(t.f, [this, c = t.at, host = t.host, where] {
        f_.world.set_reachable(where, true);
        c->start_agent(host);
    });
}
void adversary::qemu_dies(const target& t) {
    if (!t.vm.text.empty()) f_.world.kill_guest(t.at->place_of(t.host), t.vm);
}

// ---- wires

void adversary::wan_dark(const target& t) {
    f_.world.set_dark(true);
    mend_later(t.f, [this] { f_.world.set_dark(false); });
}
void adversary::wan_cut(const target& t) { f_.world.close_streams(t.id); }
void adversary::wan_deaf(const target& t) {
    f_.world.set_deaf(true);
    mend_later(t.f, [this] { f_.world.set_deaf(false); });
}
void adversary::control_cut(const target& t) {
    const auto who = (t.f.choice >> 24) % 2 ? t.at->proxy_device() : t.at->device_of(t.host);
    t.at->hub.cut(who);
    mend_later(t.f, [c = t.at, who] { c->hub.heal(who); });
}
void adversary::feed_outage(const target& t) {
    auto& line = f_.feed_between(*t.at, *t.other);
    line.faults.outage = true;
    mend_later(t.f, [&line] { line.faults.outage = false; });
}
void adversary::feed_slow(const target& t) {
    auto& line = f_.feed_between(*t.at, *t.other);
    line.faults.delay = 3s;
    line.faults.delay_spread = 9s;
    mend_later(t.f, [&line] { line.faults = usual_feed(); });
}
void adversary::feed_repeats(const target& t) {
    auto& line = f_.feed_between(*t.at, *t.other);
    line.faults.duplicate = 0.5;
    mend_later(t.f, [&line] { line.faults.duplicate = 0; });
}

// A backup is put back, or the feed deleted.
void adversary::feed_rewound(const target& t) {
    auto& line = f_.feed_between(*t.at, *t.other);
    const auto there = line.last().at.value;
    const auto lost = (t.f.choice >> 24) % 8;
    line.rewind(sequence(lost && lost < there ? there - lost : 0));
}

// ---- disks and clocks

void adversary::disk_slow(const target& t) {
    const auto set = [c = t.at](duration pause) {
        if (auto* p = c->controller_process()) p->disk_pause = pause;
    };
    set(t.f.choice % 2 ? 100ms : 2s);
    mend_later(t.f, [set] { set({}); });
}
void adversary::disk_full(const target& t) {
    t.at->disk.faults.full = true;
    mend_later(t.f, [c = t.at] { c->disk.faults.full = false; });
}
void adversary::clock_jump(const target& t) {
    const auto seconds = static_cast<std::int64_t>((t.f.choice >> 32) % 121) - 60;
    t.at->clock.off = std::chrono::seconds(seconds);
    mend_later(t.f, [c = t.at] { c->clock.off = {}; });
}

// ---- clients, and a cloud that lies

void adversary::resubmit(const target&) { client_.repeat_one(); }
void adversary::abort(const target& t) {
    if (!t.id.text.empty()) client_.abort(t.id);
}

// A cloud that has no part in a migration tells one that has what would suit it.
void adversary::forge(const target& t) {
    const auto found = watch_.open().find(t.id);
    if (found == watch_.open().end()) return;
    const auto& m = found->second;
    const asking key{t.id, m.saga.step, migration::way_of(m.saga), 1, migration::op_of(m.saga.step, migration::way_of(m.saga))};
    event lie;
    lie.v = version(1);
    lie.source = f_.liar();
    lie.time = f_.time.now();
    lie.saga = t.id.text;
    switch ((t.f.choice >> 40) % 4) {
        case 0:
            lie.stream = stream_id("vm/" + m.vm.text);
            lie.what = vm::fact(vm::run_right_released{t.id, m.to, m.saga.what.run_right});
            break;
        case 1:
            lie.stream = stream_id("visit/" + t.id.text);
            lie.what = visit::fact(visit::answered{key, {}, {}});
            break;
        case 2:
            lie.stream = stream_id("migration/" + t.id.text);
            lie.what = migration::fact(migration::asked{key, {}});
            break;
        default: {
            const asking undo{t.id, 0, direction::undo, 1, op::release};
            lie.stream = stream_id("migration/" + t.id.text);
            lie.what = migration::fact(migration::asked{undo, {}});
        }
    }
    auto& last = forged_[t.at->name];
    lie.at = position(last.at.value + 1);
    lie.audience = t.at->name;
    port::feed_record r;
    r.at = last.at.next();
    r.incarnation = "01M0000000000000000000LIAR";
    r.bytes = encode(lie).shared;
    r.link = chain::next_feed_link(last.link, r.bytes);
    last = r;
    f_.tell_lie(*t.at, r);
    watch_.published(f_.liar(), t.at->name, r);
}

}  // namespace caravan::simulate
