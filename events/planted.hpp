// planted: bugs on purpose, for the test that shows that the simulator finds each of them
// (tests/sim/planted.cpp, which says what each does). In what is shipped `planted` is false when it is
// compiled, and nothing of them is left.
#pragma once

#include <cstdint>

namespace caravan {

enum class bug : std::uint8_t {
    none,
    // who may run it
    resume_without_right,
    release_without_proof,
    epoch_stands_still,
    abort_after_pivot,
    acquire_before_release,
    move_before_the_last_is_over,
    ready_before_whole,
    discard_of_the_source,
    // every saga ends
    timers_lost_over_restart,
    result_lost_on_full_disk,
    asked_once,
    feed_given_up,
    rewound_feed_not_told,
    earlier_end_taken,
    newer_route_in_the_way,
    // nothing acknowledged is lost
    acknowledge_before_disk,
    no_idempotency,
    repetition_answered_otherwise,
    // the books
    view_forgets,
    room_given_twice,
    room_kept_for_nobody,
    chain_without_insides,
    gap_skipped,
    // what is left behind
    undo_leaves_files,
    undo_leaves_ports,
    channel_left_open,
    source_not_retired,
    // insides, tickets, the network
    inside_in_an_answer,
    freed_while_it_flows,
    route_without_epoch,
};

#ifdef CARAVAN_PLANTED
bool planted(bug) noexcept;
void plant(bug) noexcept;  // this one, and no other
#else
constexpr bool planted(bug) noexcept { return false; }
#endif

}  // namespace caravan
