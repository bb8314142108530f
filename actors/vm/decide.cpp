#include <algorithm>

#include "actors/vm/state.hpp"
#include "events/planted.hpp"

namespace caravan::vm {

namespace {

std::string in_phase(const state& s) {
    return s.spec.name.text + " is " + std::string(to_text(s.now)) + " here";
}

constexpr bytes overlay_growth_told = 64u << 20;  // and a quarter of what was known: looks come often

bool resembles(const disk_spec& known, const disk_spec& now) {
    if (now.capacity == 0) return true;  // it could not be read just now
    const bytes by = now.overlay > known.overlay ? now.overlay - known.overlay : known.overlay - now.overlay;
    return known.target == now.target && known.capacity == now.capacity && known.base_digest == now.base_digest &&
           by <= std::max(overlay_growth_told, known.overlay / 4);
}

// Whether what was seen of a running VM is still what is known of it.
bool resembles(const vm_spec& known, const vm_spec& now) {
    auto rest = now;
    rest.disks = known.disks;
    return rest == known && std::equal(known.disks.begin(), known.disks.end(), now.disks.begin(), now.disks.end(),
                                       [](const auto& a, const auto& b) { return resembles(a, b); });
}

// It runs, or runs no more, where it has no right to.
decision seen_astray(const state& s, const observe& c) {
    const bool runs = c.present && c.running;
    if (runs && !s.strayed) return facts(fact(strayed{c.host}));
    if (!runs && s.strayed && c.host == s.astray) return facts(fact(stray_gone{c.host}));
    return nothing();
}

// What agents see changes nothing about the run-right; it only tells what the VM does by it.
decision seen(const state& s, const observe& c) {
    switch (s.now) {
        case phase::absent:
            if (!s.move.empty() && c.spec.uuid == s.spec.uuid)  // it departed, or never arrived: not ours
                return seen_astray(s, c);
            if (!c.present) return nothing();
            return facts(fact(discovered{c.spec, c.host, s.run_right.next(), c.running}));
        case phase::stopped:
        case phase::running: {
            if (!c.present) return s.host == c.host ? facts(fact(vanished{})) : nothing();
            if (!c.running && s.host != c.host) return nothing();  // a definition left on another host
            const bool ran = s.now == phase::running;
            std::vector<said> all;
            if (c.running != ran || c.host != s.host)
                all.push_back({c.running ? fact(started{c.host}) : fact(stopped{c.host})});
            if (c.running && !resembles(s.spec, c.spec)) all.push_back({fact(changed{c.spec})});
            return all;
        }
        case phase::moving: return nothing();  // the saga looks for itself
        case phase::released:
        case phase::expected: return seen_astray(s, c);
    }
    return nothing();
}

migration::requested request_of(const state& s, const begin_move& c, const context& now) {
    migration::requested r;
    r.id = c.migration;
    r.vm = s.spec;
    r.from = now.own;
    r.to = c.to;
    r.mode = c.mode;
    r.run_right = planted(bug::epoch_stands_still) ? s.run_right : s.run_right.next();
    r.deadline = c.deadline;
    r.downtime_max = c.downtime_max;
    r.bandwidth = c.bandwidth;
    r.traceparent = c.traceparent;
    r.host = s.host;
    return r;
}

// What of the VM itself is in the way of any move (`plan_of` in topology says the same beforehand).
std::optional<refusal> hindrance(const vm_spec& vm, copy_mode mode) {
    for (const auto& nic : vm.nics)
        if (nic.van.empty())
            return refusal{"not_in_a_van",
                           nic.mac + " of " + vm.name.text + " is in no VAN: nothing can follow it"};
    for (const auto& disk : vm.disks)
        if (mode == copy_mode::cow && disk.base_digest.empty())
            return refusal{"no_base_image",
                           "disk " + disk.target + " of " + vm.name.text +
                               " stands on no base image: move it whole, with mode disk or auto"};
    return std::nullopt;
}

// One transaction: the VM's phase and the saga's birth stand or fall together.
decision begin(const state& s, const begin_move& c, const context& now) {
    if (c.to == now.own) return refuse("already_there", s.spec.name.text + " is in " + c.to.text);
    if (s.now == phase::moving && s.move == c.migration) return nothing();
    switch (s.now) {
        case phase::absent:
        case phase::released: return refuse("no_such_vm", "no VM of that name runs in " + now.own.text);
        case phase::expected: return refuse("vm_arriving", in_phase(s) + ": it has not arrived yet");
        case phase::stopped: return refuse("vm_not_running", in_phase(s) + ": start it first");
        case phase::moving:
            return refuse("vm_already_moving", s.spec.name.text + " is moving: migration " + s.move.text);
        case phase::running: break;
    }
    // It runs, but what brought it, or was to take it away, still has a hand on it: an undo may yet start it anew.
    if (!s.move.empty() && s.move != c.over && !planted(bug::move_before_the_last_is_over))
        return refuse("vm_already_moving", "migration " + s.move.text + " of " + s.spec.name.text + " is not over yet");
    if (auto why = hindrance(s.spec, c.mode)) return tl::unexpected(std::move(*why));
    std::vector<said> all;
    all.push_back({vm::fact(move_begun{c.migration, c.to})});
    all.push_back({migration::fact(request_of(s, c, now)), {}, stream_id("migration/" + c.migration.text)});
    return all;
}

decision abandon(const state& s, const abandon_move& c) {
    if (s.move != c.migration) return nothing();  // never begun here, or long over
    if (s.now == phase::moving) return facts(fact(move_abandoned{c.migration, c.reason}));
    if (s.now == phase::released && planted(bug::abort_after_pivot)) return facts(fact(move_abandoned{c.migration, c.reason}));
    if (s.now == phase::released) return refuse("already_released", in_phase(s));
    return nothing();
}

decision let_go(const state& s, const release& c) {
    if (s.now == phase::released && s.move == c.migration) return nothing();
    if (s.now != phase::moving || s.move != c.migration)
        return refuse("not_moving", in_phase(s) + ", not moving by migration " + c.migration.text);
    std::vector<said> all;
    all.push_back({fact(run_right_released{c.migration, s.peer, planted(bug::epoch_stands_still) ? s.run_right : s.run_right.next()}), s.peer});
    return all;
}

decision take_in(const state& s, const expect& c) {
    // An admission that was cut short may have placed it elsewhere: the last one counts.
    const bool again = s.now == phase::expected && s.move == c.migration;
    if (again && s.host == c.host) return nothing();
    if (s.now != phase::absent && !again) return refuse("name_taken", "a VM of that name is here already");
    if (c.run_right <= s.run_right && !planted(bug::epoch_stands_still))
        return refuse("stale_epoch", "epoch " + std::to_string(c.run_right.value) + " is not above " +
                                         std::to_string(s.run_right.value));
    return facts(fact(expected{c.migration, c.from, c.run_right, c.spec, c.host}));
}

decision take_over(const state& s, const acquire& c) {
    if ((s.now == phase::running || s.now == phase::stopped) && s.run_right == c.run_right) return nothing();
    if (s.now != phase::expected || s.move != c.migration)
        return refuse("not_expected", in_phase(s) + ", not expected by migration " + c.migration.text);
    if (c.run_right != s.expected_right) return refuse("stale_epoch", "another epoch was agreed");
    return facts(fact(run_right_acquired{c.migration, s.peer, c.run_right, s.host}));
}

bool ours(const state& s) { return s.now == phase::stopped || s.now == phase::running || s.now == phase::moving; }

// A person's word that the receiver will not run it: the epoch grows, so that theirs is void.
decision take_back(const state& s, const reclaim& c) {
    if (ours(s) && s.run_right > c.run_right) return nothing();
    if (s.now != phase::released || s.move != c.migration) return refuse("not_released", in_phase(s));
    std::vector<said> all;
    all.push_back({fact(run_right_reclaimed{c.migration, s.peer, s.run_right.next()}), s.peer});
    return all;
}

decision lose(const state& s, const forfeit& c) {
    if (s.move != c.migration && (ours(s) || s.now == phase::expected))
        return refuse("here_by_another", in_phase(s) + " by migration " + s.move.text);
    if (s.move != c.migration || s.run_right >= c.run_right) return nothing();
    if (s.now == phase::moving) return refuse("vm_already_moving", in_phase(s));
    if (s.now != phase::expected && !ours(s)) return nothing();
    return facts(fact(run_right_lost{c.migration, s.peer, c.run_right}));
}

}  // namespace

std::optional<care::wanted> need_of(const state& s) {
    if (!s.strayed || ours(s)) return std::nullopt;
    return care::wanted{care::need::runs_without_right, "it runs on " + s.astray.text,
                        "caravan vms " + s.spec.name.text + " -o json"};
}

decision decide(const state& s, const command& c, const context& now) {
    return care::with_care<fact>(s, std::visit(overloaded{
        [&](const observe& x) { return seen(s, x); },
        [&](const begin_move& x) { return begin(s, x, now); },
        [&](const abandon_move& x) { return abandon(s, x); },
        [&](const release& x) { return let_go(s, x); },
        [&](const depart& x) -> decision {
            if (s.now == phase::released && s.move == x.migration) return facts(fact(departed{x.migration}));
            if (s.now == phase::absent && s.move == x.migration) return nothing();
            return refuse("not_released", in_phase(s));
        },
        [&](const expect& x) { return take_in(s, x); },
        [&](const forget& x) -> decision {
            if (s.now != phase::expected || s.move != x.migration) return nothing();
            return facts(fact(unexpected{x.migration}));
        },
        [&](const acquire& x) { return take_over(s, x); },
        [&](const reclaim& x) { return take_back(s, x); },
        [&](const forfeit& x) { return lose(s, x); },
    }, c), now.now);
}

}  // namespace caravan::vm
