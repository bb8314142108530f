// copy_faults: what really becomes of a VM and its copy when something happens while it is copied:
// libvirt 9.0, peer-to-peer, VIR_MIGRATE_PAUSED, as observed fault by fault on real hosts.
#pragma once

#include "actors/ports/hypervisor.hpp"

namespace caravan::sim {

// How far a copy is. In `switching` the source is paused and the destination has not answered
// Finish; in `whole` it has, and the source has not heard of it.
enum class copy_part : std::uint8_t { disk, memory, switching, whole };

enum class copy_fault : std::uint8_t {
    streams_closed,  // a relay or an end of the channel is gone
    aborted,         // virDomainAbortJob
    source_daemon,   // libvirtd dies; QEMU lives
    destination_daemon,
    source_power,  // the host goes down; its disk stays
    destination_power,
    source_qemu,  // the process dies alone
    destination_qemu,
};

enum class copy_end : std::uint8_t { ok, transient, unknown };

struct fault_row {
    copy_part at;
    copy_fault what;
    port::run_state source, destination;  // afterwards
    bool source_resumes;                  // from `paused`, by itself, after a while
    copy_end end;                         // as the source's hypervisor tells it
};

using enum port::run_state;

inline constexpr fault_row copy_faults[] = {
    {copy_part::disk, copy_fault::streams_closed, running, litter, false, copy_end::transient},
    {copy_part::disk, copy_fault::aborted, running, litter, false, copy_end::transient},
    {copy_part::disk, copy_fault::source_daemon, running, litter, false, copy_end::transient},
    {copy_part::disk, copy_fault::destination_daemon, running, litter, false, copy_end::transient},
    {copy_part::disk, copy_fault::source_power, off, litter, false, copy_end::unknown},
    {copy_part::disk, copy_fault::destination_power, running, litter, false, copy_end::transient},
    {copy_part::disk, copy_fault::source_qemu, off, litter, false, copy_end::unknown},
    {copy_part::disk, copy_fault::destination_qemu, running, litter, false, copy_end::transient},

    {copy_part::memory, copy_fault::streams_closed, running, litter, false, copy_end::transient},
    {copy_part::memory, copy_fault::aborted, running, litter, false, copy_end::transient},
    {copy_part::memory, copy_fault::source_daemon, running, litter, false, copy_end::transient},
    {copy_part::memory, copy_fault::destination_daemon, running, litter, false,
     copy_end::transient},
    {copy_part::memory, copy_fault::source_power, off, litter, false, copy_end::unknown},
    {copy_part::memory, copy_fault::destination_power, running, litter, false, copy_end::transient},
    {copy_part::memory, copy_fault::source_qemu, off, litter, false, copy_end::unknown},
    {copy_part::memory, copy_fault::destination_qemu, running, litter, false, copy_end::transient},

    // The Finish call is lost: the source stays paused until its connection breaks.
    {copy_part::switching, copy_fault::streams_closed, paused, litter, true, copy_end::unknown},
    {copy_part::switching, copy_fault::aborted, running, litter, false, copy_end::transient},
    {copy_part::switching, copy_fault::source_daemon, paused, litter, false, copy_end::unknown},
    {copy_part::switching, copy_fault::destination_daemon, paused, litter, true, copy_end::unknown},
    {copy_part::switching, copy_fault::source_power, off, litter, false, copy_end::unknown},
    {copy_part::switching, copy_fault::destination_power, paused, litter, true, copy_end::unknown},
    {copy_part::switching, copy_fault::source_qemu, off, litter, false, copy_end::unknown},
    {copy_part::switching, copy_fault::destination_qemu, paused, litter, true, copy_end::unknown},

    // The Finish reply is lost: two copies, one of them paused for good.
    {copy_part::whole, copy_fault::streams_closed, paused, paused, true, copy_end::unknown},
    {copy_part::whole, copy_fault::aborted, running, paused, false, copy_end::transient},
    {copy_part::whole, copy_fault::source_daemon, paused, paused, false, copy_end::unknown},
    {copy_part::whole, copy_fault::destination_daemon, off, paused, false, copy_end::ok},
    {copy_part::whole, copy_fault::source_power, off, paused, false, copy_end::unknown},
    {copy_part::whole, copy_fault::destination_power, off, off, false, copy_end::ok},
    {copy_part::whole, copy_fault::source_qemu, off, paused, false, copy_end::unknown},
    {copy_part::whole, copy_fault::destination_qemu, off, off, false, copy_end::ok},
};

constexpr const fault_row* row_of(copy_part at, copy_fault what) {
    for (const auto& row : copy_faults)
        if (row.at == at && row.what == what) return &row;
    return nullptr;
}
// A sum, not row_of: under -fsanitize=address GCC 12 compares no pointer with null in a constant expression.
constexpr std::size_t rows_of(copy_part at, copy_fault what) {
    std::size_t n = 0;
    for (const auto& row : copy_faults) n += row.at == at && row.what == what;
    return n;
}
constexpr bool complete() {
    for (std::uint8_t at = 0; at <= static_cast<std::uint8_t>(copy_part::whole); ++at)
        for (std::uint8_t what = 0;
             what <= static_cast<std::uint8_t>(copy_fault::destination_qemu); ++what)
            if (rows_of(static_cast<copy_part>(at), static_cast<copy_fault>(what)) != 1) return false;
    return true;
}
static_assert(complete());

}  // namespace caravan::sim
