#include "actors/visit/state.hpp"

namespace caravan::visit {

namespace {

job job_of(const state& s) {
    const auto& r = s.request;
    job j;
    j.id = r.id;
    j.here = side::destination;
    j.vm = r.vm;
    j.mode = r.mode;
    j.run_right = r.run_right;
    j.own = r.to;
    j.peer = r.from;
    j.host = s.host;
    j.ticket = s.ticket;
    j.downtime_max = r.downtime_max;
    j.bandwidth = r.bandwidth;
    j.deadline = r.deadline;
    if (s.reclaimed.value) j.run_right = s.reclaimed;
    j.forfeited = s.reclaimed.value != 0;
    return j;
}

// Of what is done unasked nobody else minds the time: a report that does not come is a try that failed.
constexpr auto own_patience = std::chrono::seconds(60);

void do_unasked(const state& s, op what, effects& to) {
    const auto key = own_key(s, what);
    to.push_back(errand{key, job_of(s), s.retry_at});
    hear_result none;
    none.key = key;
    none.how = {outcome::transient, "timed_out"};
    to.push_back(wake{s.retry_at + own_patience, command(std::move(none))});
}

}  // namespace

asking own_key(const state& s, op what) noexcept {
    return {s.request.id, saga::index_of(what), direction::forward, 1'000'000 + s.tries, what};
}

effects pending(const state& s) {
    effects all;
    if (s.acquiring) {  // whatever else was being done: the run-right is ours to take
        do_unasked(s, op::resume_vm, all);
        return all;
    }
    if (s.now == phase::freeing) {
        do_unasked(s, clearing(s), all);
        return all;
    }
    if (s.current) all.push_back(errand{*s.current, job_of(s), {}});
    else if (s.silent && s.now == phase::admitted && !s.whole)
        do_unasked(s, op::observe, all);
    if ((s.now == phase::admitting || s.now == phase::admitted) && !s.silent)
        all.push_back(wake{s.deadline, command(deadline_passed{})});
    return all;
}

}  // namespace caravan::visit
