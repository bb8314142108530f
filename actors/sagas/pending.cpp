// What a migration waits for: the errand of its own side, and the clock for both.
#include <algorithm>

#include "actors/sagas/state.hpp"
#include "events/planted.hpp"

namespace caravan::migration {

namespace {

using saga::move_vm;

constexpr auto look_again = std::chrono::seconds(10);

job job_of(const state& s) {
    job j;
    j.id = s.what.id;
    j.here = side::source;
    j.vm = s.what.vm;
    j.mode = s.what.mode;
    j.run_right = s.what.run_right;
    j.own = s.what.from;
    j.peer = s.what.to;
    j.host = s.what.host;
    j.ticket = s.ticket;
    j.downtime_max = s.what.downtime_max;
    j.bandwidth = s.what.bandwidth;
    j.deadline = s.what.deadline;
    return j;
}

// When an attempt that began at `begun` has taken too long. Before the pivot nothing outlives the
// migration's own deadline.
instant late(const state& s, instant begun) {
    const auto& step = move_vm[s.step];
    if (step.deadline == saga::by_plan) return s.now == phase::undoing ? begun + duration(std::chrono::minutes(2)) : s.what.deadline;
    const instant own = begun + step.deadline;
    return s.now == phase::forward && s.step <= saga::pivot_step ? std::min(own, s.what.deadline) : own;
}

void await_source(const state& s, op what, effects& to) {
    const asking key{s.what.id, s.step, way_of(s), s.source.attempt, what, s.round};
    to.push_back(errand{key, job_of(s), s.source.retry_at});
    to.push_back(wake{late(s, std::max(s.source.since, s.source.retry_at)),
                      command(step_timeout{side::source, key})});
}

void await_destination(const state& s, effects& to) {
    const asking key{s.what.id, s.step, way_of(s), s.destination.attempt, op_of(s.step, way_of(s)), s.round};
    if (s.destination.asked)
        to.push_back(wake{late(s, s.destination.since), command(step_timeout{side::destination, key})});
    else if (s.destination.retry_at > instant{} && planted(bug::asked_once))
        return;
    else if (s.destination.retry_at > instant{})
        to.push_back(wake{s.destination.retry_at, command(retry{key})});
    else
        to.push_back(wake{s.destination.since, command(begin{})});
}

}  // namespace

effects pending(const state& s) {
    effects all;
    if (s.now != phase::forward && s.now != phase::undoing) return all;
    if (s.now == phase::undoing && !s.kept) {
        await_source(s, s.reclaimed ? op::take_back : op::keep_vm, all);
        return all;
    }
    if (s.investigating) {
        await_source(s, op::observe, all);
        if (!s.seen.destination.empty()) return all;
        // The peer's answer is no fact here: a restart loses it, so the peer is asked again.
        const asking key{s.what.id, s.step, direction::forward, s.destination.attempt, op::observe, s.round};
        all.push_back(wake{s.destination.since + look_again, command(retry{key})});
        return all;
    }
    if (s.source.needed && !s.source.done) await_source(s, op_of(s.step, way_of(s)), all);
    if (s.destination.needed && !s.destination.done) await_destination(s, all);
    return all;
}

}  // namespace caravan::migration
