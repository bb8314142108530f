#include "ops/simulate/watch.hpp"

#include "events/chain.hpp"
#include "ops/simulate/client.hpp"
#include "topology/view.hpp"

namespace caravan::simulate {

namespace {

using port::run_state;

template <class... F>
struct overloaded : F... {
    using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

std::string words(const sim::place& where) { return where.host.text + " of " + where.cloud.text; }
std::string words(epoch e) { return "epoch " + std::to_string(e.value); }

std::string_view in_words(run_state s) {
    constexpr std::string_view all[] = {"absent", "litter", "off", "running", "paused", "arriving", "stuck"};
    return all[static_cast<std::size_t>(s)];
}

// Only these are worth being read.
bool of_note(const std::string& type) {
    constexpr std::string_view kinds[] = {"caravan.vm.", "caravan.migration.", "caravan.visit.", "caravan.cloud."};
    return std::ranges::any_of(kinds, [&](std::string_view k) { return type.starts_with(k); });
}

}  // namespace

void watch::begin(federation& f) {
    all_ = &f;
    f.world.set_witness(this);
}

void watch::violate(invariant which, std::string what, const vm_name& vm) {
    tell_({std::string(name_of(which)), time_.now(), std::move(what), vm.text});
}

// ---- the world

void watch::copy_changed(const vm_name& vm, const sim::place& where, run_state state, bool whole) {
    auto& g = guests_[vm];
    bool begins = false;
    note("world " + vm.text + " is " + std::string(in_words(state)) + " at " + words(where));
    if (state == run_state::absent || state == run_state::litter) {
        g.copies.erase(where);
    } else {
        auto& c = g.copies[where];
        begins = state == run_state::running && c.state != run_state::running;
        c = {state, whole};
        if (begins && !whole) violate(invariant::whole_before_run, "began to run at " + words(where), vm);
    }
    const sim::place* runner = nullptr;
    bool somewhere = false;
    for (const auto& [place, c] : g.copies) {
        somewhere = somewhere || c.whole;
        if (c.state != run_state::running) continue;
        if (runner) violate(invariant::one_runner, "runs at " + words(*runner) + " and at " + words(place), vm);
        runner = &place;
    }
    if (begins) runs_by_right(vm, where.cloud);
    if (!somewhere) violate(invariant::disk_somewhere, "its last whole disk went at " + words(where), vm);
    if (state != run_state::running && state != run_state::arriving) return;
    std::size_t living = 0;
    for (const auto& [name, other] : guests_)
        if (const auto at = other.copies.find(where); at != other.copies.end())
            living += at->second.state != run_state::off;
    if (living > all_->guests_of_a_host())
        violate(invariant::books_fit, words(where) + " has " + std::to_string(living) + " guests", vm);
}

void watch::runs_by_right(const vm_name& vm, const cloud_name& where) {
    const auto& g = guests_[vm];
    if (!g.highest.value) return;  // nobody has seen it yet
    const auto held = g.held.find(where);
    if (held == g.held.end() || held->second != g.highest)
        violate(invariant::highest_run_right, "runs in " + where.text + " without " + words(g.highest), vm);
}

void watch::copy_flows(const job& work, const sim::place&, const sim::place& to) {
    const auto known = open_.find(work.id);
    if (known == open_.end() || !known->second.guest_open || known->second.to != to.cloud)
        violate(invariant::bytes_by_ticket, work.id.text + " flows to " + words(to), work.vm.name);
}

void watch::announced(const sim::announcement& a) {
    last_announcer_[a.mac] = a.where;
    const auto vm = by_mac_.find(a.mac);
    if (vm == by_mac_.end()) return;
    const auto& copies = guests_[vm->second].copies;
    const auto here = copies.find(a.where);
    if (here == copies.end() || here->second.state != run_state::running)
        violate(invariant::one_announcer, a.mac + " was announced by " + words(a.where), vm->second);
}

void watch::route_replaced(const cloud_name& at, const port::route& before, const port::route& now) {
    if (now.run_right >= before.run_right) return;
    const auto vm = by_mac_.find(now.mac);
    violate(invariant::one_announcer,
            at.text + " sends " + now.mac + " to " + now.at.text + " by " + words(now.run_right) + " after " + words(before.run_right),
            vm == by_mac_.end() ? vm_name() : vm->second);
}

void watch::record_sent(const migration_id& id, const std::string& bytes) {
    if (bytes.find(inside_mark) != bytes.npos)
        violate(invariant::insides_stay, "in a record over the channel of " + id.text);
}

// ---- what is durable

void watch::published(const cloud_name& from, const cloud_name& to, const port::feed_record& r) {
    if (r.bytes.find(inside_mark) != r.bytes.npos)
        violate(invariant::insides_stay, "in the feed " + from.text + "." + to.text + ": " + r.bytes);
    auto& links = links_[{{from, to}, r.incarnation}];
    const auto index = r.at.value - 1;
    if (index > links.size())
        return violate(invariant::feeds_in_order, from.text + "." + to.text + " skips to " + std::to_string(r.at.value));
    if (index == links.size()) links.push_back(r.link);
    if (links[index] != r.link)
        violate(invariant::feeds_in_order, from.text + "." + to.text + " has two records " + std::to_string(r.at.value));
}

void watch::written(const cloud_name& by, const port::entry& e) {
    ++events;
    if (!of_note(e.type)) return;
    auto known = decode(e.bytes, e.inside);
    if (!known) return violate(invariant::chains_verify, by.text + " wrote what nobody can read: " + e.bytes);
    known->at = e.at;
    std::visit(overloaded{[&](const vm::fact& f) { fact_of(by, *known, f); },
                          [&](const migration::fact& f) { fact_of(by, *known, f); },
                          [&](const visit::fact& f) { fact_of(by, *known, f); },
                          [&](const caravan::cloud::fact& f) { fact_of(by, *known, f); }, [](const auto&) {}},
               known->what);
}

void watch::fact_of(const cloud_name& by, const event& e, const vm::fact& fact) {
    const vm_name name(std::string(subject_of(e.stream)));
    auto& g = guests_[name];
    const auto takes = [&](epoch right, const char* how) {
        if (!g.held.empty() || right <= g.highest)
            violate(invariant::highest_run_right,
                    by.text + " " + how + " " + words(right) + " after " + words(g.highest) +
                        (g.held.empty() ? "" : ", held by " + g.held.begin()->first.text),
                    name);
        g.held[by] = right;
        g.highest = std::max(g.highest, right);
    };
    std::visit(overloaded{[&](const vm::discovered& x) {
                              for (const auto& nic : x.spec.nics) by_mac_[nic.mac] = name;
                              takes(x.run_right, "discovered");
                          },
                          [&](const vm::run_right_released&) {
                              for (const auto& [where, c] : g.copies)
                                  if (where.cloud == by && c.state == run_state::running)
                                      violate(invariant::highest_run_right, "released while it runs at " + words(where),
                                              name);
                              if (!g.held.erase(by))
                                  violate(invariant::highest_run_right, by.text + " released what it had not", name);
                          },
                          [&](const vm::run_right_acquired& x) { takes(x.run_right, "acquired"); },
                          [](const auto&) {}},
               fact);
}

void watch::fact_of(const cloud_name& by, const event& e, const migration::fact& fact) {
    const migration_id id{std::string(subject_of(e.stream))};
    auto& m = open_[id];
    migration::evolve(m.saga, fact, e.time);
    if (const auto* x = std::get_if<migration::requested>(&fact)) {
        if (!ever_.insert(id).second) violate(invariant::acknowledged_kept, id.text + " was begun twice", x->vm.name);
        m.vm = x->vm.name;
        m.from = by;
        m.to = x->to;
    }
    if (const auto* x = std::get_if<migration::ended>(&fact)) {
        ++ends[x->done ? "done" : (x->refused ? "refused: " : "undone: ") + x->reason];
        m.ended = true;
    }
    if (progress_) progress_(id, m);
    closed(id);
}

void watch::fact_of(const cloud_name&, const event& e, const visit::fact& fact) {
    const migration_id id{std::string(subject_of(e.stream))};
    const bool opens = std::holds_alternative<visit::admitted>(fact);
    const bool closes = std::holds_alternative<visit::freed>(fact) || std::holds_alternative<visit::settled>(fact);
    if (!opens && !closes) return;
    const auto known = open_.find(id);
    if (known == open_.end()) {  // the source ended before it was heard here
        if (opens) open_[id].ended = open_[id].guest_open = true;
        return;
    }
    known->second.guest_open = opens;
    if (const auto* x = std::get_if<visit::admitted>(&fact)) known->second.guest_host = x->host;
    closed(id);
}

void watch::closed(const migration_id& id) {
    const auto found = open_.find(id);
    if (!found->second.ended || found->second.guest_open) return;
    const auto m = std::move(found->second);
    open_.erase(found);
    if (m.vm.text.empty()) return;
    const bool done = m.saga.now == migration::phase::done;
    const auto which = done ? invariant::done_leaves_one : invariant::undone_leaves_nothing;
    const auto copies = guests_[m.vm].copies;
    const bool again = std::ranges::any_of(open_, [&](const auto& o) { return o.second.vm == m.vm; });
    for (const auto& left : all_->world.leftovers_of(id)) violate(which, left, m.vm);
    if (again) return;  // what is there now is the next one's
    const auto& empty_handed = done ? m.from : m.to;
    for (const auto& [where, c] : copies)
        if (where.cloud == empty_handed) violate(which, id.text + " left a copy at " + words(where), m.vm);
    if (copies.size() != 1 || !copies.begin()->second.whole)
        violate(which, id.text + " left " + std::to_string(copies.size()) + " copies", m.vm);
}

void watch::fact_of(const cloud_name& by, const event& e, const caravan::cloud::fact& fact) {
    const cloud_name from{std::string(subject_of(e.stream))};
    const auto* x = std::get_if<caravan::cloud::heard>(&fact);
    if (!x) return;
    auto& upto = heard_[{from, by}];
    const bool first = upto.incarnation != x->incarnation;
    const auto due = first ? 1 : upto.at.value + 1;
    if (x->at.value != due)
        violate(invariant::feeds_in_order, by.text + " took record " + std::to_string(x->at.value) + " of " + from.text +
                                               " for " + std::to_string(due));
    const auto told = links_.find({{from, by}, x->incarnation});
    if (told == links_.end() || x->at.value > told->second.size() ||
        chain::hex(told->second[x->at.value - 1]) != x->link)
        violate(invariant::feeds_in_order,
                by.text + " heard what " + from.text + " never told, record " + std::to_string(x->at.value));
    upto = {x->at, x->incarnation};
}

// ---- at rest

void watch::look_at_rest(std::span<const wish> wishes) {
    for (const auto& [id, m] : open_)
        violate(invariant::sagas_end,
                id.text + (m.ended ? " is open at the destination" : " is at step " + std::to_string(m.saga.step)), m.vm);
    for (const auto& left : all_->world.leftovers()) violate(invariant::undone_leaves_nothing, left);
    for (const auto& [name, g] : guests_) {
        std::size_t running = 0;
        for (const auto& [where, c] : g.copies) running += c.state == run_state::running;
        if (running != 1) violate(invariant::books_fit, "runs " + std::to_string(running) + " times at rest", name);
    }
    for (auto& c : all_->clouds) {
        look_at(*c, wishes);
        look_at_routes(*c);
    }
}

void watch::look_at(cloud& c, std::span<const wish> wishes) {
    auto* controller = c.controller();
    if (!controller) return violate(invariant::sagas_end, c.name.text + " has no controller");
    topology::federation replayed;
    replayed.own = c.name;
    for (const auto& other : all_->clouds)
        if (other->name != c.name) replayed.peers[other->name];
    if (all_->has_liar()) replayed.peers[federation::liar()];
    std::set<migration_id> begun;
    std::set<position> taken;  // where submissions are on record
    std::string link;
    const auto names = runtime::step_names();
    (void)controller->actors().journal.read({}, SIZE_MAX, [&](const port::entry& e) {
        link = chain::next_link(link, e.bytes, e.salt, e.inside);
        if (link != e.link) violate(invariant::chains_verify, c.name.text + " at " + std::to_string(e.at.value));
        link = e.link;
        if (e.type == "caravan.submission.accepted") taken.insert(e.at);
        if (e.type == "caravan.migration.requested") begun.emplace(std::string(subject_of(e.stream)));
        if (auto known = decode(e.bytes, e.inside)) {
            known->at = e.at;
            topology::fold(replayed, *known, names);
        }
        return true;
    });
    for (const auto& w : wishes) {
        if (w.now != wish::stand::accepted || all_->clouds[w.cloud].get() != &c) continue;
        if (!taken.contains(w.at) || (w.type == "caravan.vm.migrate" && !begun.contains(w.migration)))
            violate(invariant::acknowledged_kept, w.id + " is not at " + std::to_string(w.at.value));
    }
    const topology::view_options plain{names, {}, {}};
    controller->with_view([&](const topology::federation& live) {
        if (topology::view(live, "/state", plain) != topology::view(replayed, "/state", plain))
            violate(invariant::replay_is_live, c.name.text);
        for (const auto& [name, g] : guests_)
            for (const auto& [where, seen] : g.copies) {
                if (where.cloud != c.name) continue;
                const auto shown = live.vms.find(name);
                if (shown == live.vms.end() || !shown->second.ours || shown->second.host != where.host ||
                    (shown->second.state == "running") != (seen.state == run_state::running))
                    violate(invariant::books_fit, c.name.text + " shows it " +
                            (shown == live.vms.end() ? "nowhere" : shown->second.state + " at " + shown->second.host.text),
                            name);
            }
        for (const auto& [name, vm] : live.vms)
            if (vm.state == "arriving") violate(invariant::books_fit, c.name.text + " expects it for nobody", name);
        for (const auto& [name, h] : live.hosts)
            if (!h.reserved.empty()) violate(invariant::books_fit, name.text + " keeps room for nobody");
    });
}

// Routes know guests only by their addresses.
void watch::look_at_routes(cloud& c) {
    auto* proxy = c.proxy_process();
    if (!proxy) return violate(invariant::sagas_end, c.name.text + " has no proxy");
    const auto routes = proxy->network.observe();
    for (const auto& r : *routes) {
        const auto vm = by_mac_.find(r.mac);
        if (vm == by_mac_.end()) continue;
        const auto& copies = guests_[vm->second].copies;
        if (!copies.empty() && copies.begin()->first.cloud != (r.here ? c.name : r.at))
            violate(invariant::one_announcer, c.name.text + " sends " + r.mac + " to " + r.at.text, vm->second);
    }
    for (const auto& [mac, vm] : by_mac_) {
        const auto& copies = guests_[vm].copies;
        const auto last = last_announcer_.find(mac);
        if (copies.size() == 1 && copies.begin()->first.cloud == c.name && last != last_announcer_.end() &&
            last->second != copies.begin()->first)
            violate(invariant::one_announcer, mac + " was last announced by " + words(last->second), vm);
    }
}

}  // namespace caravan::simulate
