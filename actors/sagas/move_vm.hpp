// move_vm: a running VM goes from this cloud to another. The source runs the saga; the destination
// answers for its side. docs/sagas/move_vm.md is drawn from this table.
#pragma once

#include "actors/sagas/step.hpp"
#include "events/job.hpp"

namespace caravan::saga {

inline constexpr step move_vm[] = {
    // name               where              do                      undo              deadline  tries     wait   kind
    {"admit",             where::destination, op::reserve,            op::release,       10s,     3,        500ms, kind::undoable},
    {"prepare storage",   where::destination, op::stage_disk,         op::discard_disk,  60s,     3,        1s,    kind::undoable},
    {"extend network",    where::destination, op::attach_silent_port, op::detach_port,   10s,     3,        500ms, kind::undoable},
    {"open channel",      where::both,        op::open_channel,       op::close_channel, 10s,     3,        1s,    kind::undoable},
    {"copy",              where::source,      op::start_copy,         op::abort_copy,    by_plan, 2,        30s,   kind::undoable, op::stage_disk},
    {"release run-right", where::source,      op::release_run_right,  op::none,          30s,     1,        0ms,   kind::pivot},
    {"acquire run-right", where::destination, op::resume_vm,          op::none,          30s,     for_ever, 1s,    kind::forward},
    {"move routes",       where::both,        op::move_routes,        op::none,          10s,     for_ever, 1s,    kind::forward},
    {"retire source",     where::both,        op::retire_copy,        op::none,          60s,     for_ever, 1s,    kind::forward},
};
static_assert(sound(move_vm));

constexpr std::uint32_t index_of(op what) {
    for (std::uint32_t i = 0; i < std::size(move_vm); ++i)
        if (move_vm[i].forward == what || move_vm[i].undo == what) return i;
    return std::size(move_vm);
}
constexpr bool touches(std::uint32_t step, side at) {
    const auto place = move_vm[step].place;
    return place == where::both || (place == where::source) == (at == side::source);
}
constexpr op op_of(std::uint32_t step, direction way) {
    return way == direction::forward ? move_vm[step].forward : move_vm[step].undo;
}

inline constexpr std::uint32_t pivot_step = index_of(op::release_run_right);
static_assert(move_vm[pivot_step].kind == kind::pivot);

}  // namespace caravan::saga
