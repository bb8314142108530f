// invariants: what may never be, whatever fails. By name, as violations and docs/invariants.md have them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace caravan::simulate {

enum class invariant : std::uint8_t {
    one_runner,
    highest_run_right,
    sagas_end,
    acknowledged_kept,
    replay_is_live,
    undone_leaves_nothing,
    done_leaves_one,
    one_announcer,
    feeds_in_order,
    insides_stay,
    bytes_by_ticket,
    books_fit,
    chains_verify,
    disk_somewhere,
    whole_before_run,
};

struct invariant_row {
    std::string_view name, statement;
};
inline constexpr std::array<invariant_row, 15> invariants = {{
    {"one_runner", "At each instant at most one copy of a VM runs."},
    {"highest_run_right", "A VM runs only in the cloud that holds its run-right, of the highest epoch; one cloud "
                          "holds it at a time; epochs only grow."},
    {"sagas_end", "Once faults stop, every migration ends, at both sides, within its bound."},
    {"acknowledged_kept", "Every acknowledged submission is in the journal, once, after any crash; its repetition "
                          "is answered the same."},
    {"replay_is_live", "A journal's fold is the live state, byte for byte."},
    {"undone_leaves_nothing", "An undone migration leaves nothing at either side, and the VM at the source."},
    {"done_leaves_one", "A done migration leaves nothing at the source and one whole copy at the destination."},
    {"one_announcer", "A VM's addresses are announced only from where it runs by right; no site's route goes back "
                      "to an older epoch, and all end there."},
    {"feeds_in_order", "Feeds are applied gapless, in order, once, and both ends have the same chain."},
    {"insides_stay", "No name of an inside is in bytes that leave its cloud."},
    {"bytes_by_ticket", "Bytes of a copy flow only while the destination's leave is in force."},
    {"books_fit", "Guests and reservations never exceed a host's memory, and at rest the books are the world."},
    {"chains_verify", "Every journal's hash chain verifies."},
    {"disk_somewhere", "A VM's disk always exists whole somewhere it may run."},
    {"whole_before_run", "No copy runs before its disk and memory are whole."},
}};
constexpr std::string_view name_of(invariant i) { return invariants[static_cast<std::size_t>(i)].name; }

}  // namespace caravan::simulate
