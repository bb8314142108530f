// op: what a step of a saga can ask of one cloud, and act: what an op can ask of one of its devices.
#pragma once

#include <array>
#include <string_view>

#include "events/ids.hpp"

namespace caravan {

enum class op : std::uint8_t {
    none,
    reserve, release,
    stage_disk, discard_disk,
    attach_silent_port, detach_port,
    open_channel, close_channel,
    start_copy, abort_copy,
    release_run_right,
    resume_vm,
    move_routes,
    retire_copy,
    keep_vm,  // the abort goes on record: from here on the source keeps the VM
    observe,
    take_back,  // at the source, by an operator: the run-right of a destination that is lost for good
    yield,      // at the destination: it was taken back from here
};
inline constexpr std::array<std::string_view, 19> op_names = {
    "none",         "reserve",     "release",     "stage_disk",    "discard_disk", "attach_silent_port",
    "detach_port",  "open_channel", "close_channel", "start_copy", "abort_copy",   "release_run_right",
    "resume_vm",    "move_routes", "retire_copy", "keep_vm", "observe",      "take_back",    "yield"};
constexpr const auto& names_of(op) noexcept { return op_names; }

enum class act : std::uint8_t {
    // of a host's agent: hypervisor
    stage, discard, start_copy, abort_copy, prove_off, resume, observe,
    // of a host's agent: network
    attach_silent, activate, detach, ensure_vans,
    // of a host's agent: its end of the channel
    open_end, close_end,
    // of a proxy: channel
    open_relay, close_relay, send_record,
    // of a proxy: network
    extend_vans, set_routes, drop_routes,
};
inline constexpr std::array<std::string_view, 19> act_names = {
    "stage",         "discard",  "start_copy", "abort_copy",  "prove_off", "resume",      "observe",
    "attach_silent", "activate", "detach",     "ensure_vans", "open_end",  "close_end",   "open_relay",
    "close_relay",   "send_record", "extend_vans", "set_routes", "drop_routes"};
constexpr const auto& names_of(act) noexcept { return act_names; }

enum class direction : std::uint8_t { forward, undo };
inline constexpr std::array<std::string_view, 2> direction_names = {"forward", "undo"};
constexpr const auto& names_of(direction) noexcept { return direction_names; }

enum class outcome : std::uint8_t { ok, transient, permanent, unknown };
inline constexpr std::array<std::string_view, 4> outcome_names = {"ok", "transient", "permanent", "unknown"};
constexpr const auto& names_of(outcome) noexcept { return outcome_names; }

}  // namespace caravan
