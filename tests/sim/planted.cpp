// Bugs on purpose, in the code that runs in production: the simulator finds each of them, by the
// invariant that it breaks, within so many seeds; and nothing when none is planted.
#include <catch2/catch.hpp>

#include <algorithm>
#include <iostream>

#include "events/planted.hpp"
#include "ops/simulate/sweep.hpp"
#include "tests/sim/regressions.hpp"

using namespace caravan;
using namespace caravan::simulate;

namespace {

bug now_planted = bug::none;

constexpr std::uint64_t seeds_usual = 24;

struct planted_bug {
    bug what;
    const char* does;
    invariant broken;
    const char* faults;  // what must go wrong for it to show
    std::uint64_t seeds = seeds_usual;  // within which it is found
};
using enum bug;
using inv = invariant;

const planted_bug all[] = {
    {resume_without_right, "the destination resumes without acquiring the run-right", inv::highest_run_right, "none"},
    {release_without_proof, "the run-right is released before the source is proven off", inv::one_runner, "wan-cut,feed-outage,feed-slow"},
    {epoch_stands_still, "the run-right goes on by the same epoch", inv::highest_run_right, "none"},
    {abort_after_pivot, "an abort is taken after the pivot", inv::highest_run_right, "abort"},
    {acquire_before_release, "the destination is let run it before the release is on record", inv::highest_run_right, "wan-deaf,disk-slow"},
    {move_before_the_last_is_over, "a VM is moved again before its last migration is over", inv::one_runner, "libvirtd-away,abort,wan-dark,feed-outage", 64},
    {ready_before_whole, "a copy says that it is ready before its last bytes are there", inv::whole_before_run, "none"},
    {discard_of_the_source, "the undo of a copy discards it at the wrong side", inv::disk_somewhere, "qemu-source,host-power"},
    {timers_lost_over_restart, "a controller that starts forgets what it waited for", inv::sagas_end, "end-controller"},
    {result_lost_on_full_disk, "what a full disk refused is not asked for again", inv::sagas_end, "disk-full"},
    {asked_once, "a destination that did not answer is not asked again", inv::sagas_end, "feed-outage,feed-slow"},
    {feed_given_up, "a feed that could not be read once is not read again", inv::sagas_end, "feed-outage"},
    {rewound_feed_not_told, "a feed that lost records is not told them again", inv::sagas_end, "feed-rewound"},
    {earlier_end_taken, "a copy that is begun anew ends as the one before it did", inv::sagas_end, "kill-agent-adapter,libvirtd-restart", 64},
    {newer_route_in_the_way, "a route that is known to be newer makes the hand-over fail", inv::sagas_end, "feed-outage,feed-slow", 32},
    {acknowledge_before_disk, "a submission is acknowledged before it is on disk", inv::feeds_in_order, "end-controller"},
    {no_idempotency, "a submission that is repeated is taken for a new one", inv::acknowledged_kept, "resubmit"},
    {repetition_answered_otherwise, "a repetition is answered with another position", inv::acknowledged_kept, "resubmit"},
    {view_forgets, "the live view passes over a kind of event", inv::replay_is_live, "none"},
    {room_given_twice, "a host's room is given away though it is taken", inv::books_fit, "abort"},
    {room_kept_for_nobody, "the room of an undone migration stays kept", inv::books_fit, "abort"},
    {chain_without_insides, "the chain leaves out what is not shared", inv::chains_verify, "none"},
    {gap_skipped, "a record of a feed is passed over", inv::feeds_in_order, "feed-slow"},
    {undo_leaves_files, "the undo does not discard the destination's files", inv::undone_leaves_nothing, "abort"},
    {undo_leaves_ports, "the undo does not detach the destination's ports", inv::undone_leaves_nothing, "abort"},
    {channel_left_open, "channels are never closed", inv::done_leaves_one, "none"},
    {source_not_retired, "the source's copy is not discarded after the move", inv::done_leaves_one, "none"},
    {inside_in_an_answer, "an answer to a peer names a host", inv::insides_stay, "none"},
    {freed_while_it_flows, "the destination's leave ends while bytes flow", inv::bytes_by_ticket, "none"},
    {route_without_epoch, "an old route overwrites a newer one", inv::one_announcer, "feed-slow,feed-outage"},
};

request of(const planted_bug& b, std::uint64_t seed) {
    request r;
    r.seed = seed;
    r.migrations = 80;
    r.shape = {3, 2, 9};
    r.until = std::chrono::hours(4);
    r.faults = parse_kinds(b.faults).kinds;
    return r;
}

}  // namespace

namespace caravan {
bool planted(bug b) noexcept { return b == now_planted; }
void plant(bug b) noexcept { now_planted = b; }
}  // namespace caravan

TEST_CASE("nothing is found where nothing is planted") {
    plant(none);
    for (const auto& b : all) {
        const auto o = run(of(b, 1));
        INFO(b.faults);
        for (const auto& v : o.violations) FAIL_CHECK(v.invariant << ": " << v.what);
    }
}

TEST_CASE("each planted bug is found, by its invariant") {
    std::size_t found = 0;
    std::set<invariant> caught;
    for (const auto& b : all) {
        plant(b.what);
        account o;
        std::uint64_t seed = 1, steps = 0;
        for (; seed <= b.seeds; ++seed) {
            o = run(of(b, seed));
            steps += o.steps;
            if (!o.violations.empty() && o.violations.front().invariant == name_of(b.broken)) break;
        }
        const auto by = o.violations.empty() ? std::string("not found") : o.violations.front().invariant;
        std::cout << (by == name_of(b.broken) ? "found    " : "NOT      ") << b.does << ": " << by << ", seed " << seed << ", "
                  << steps << " steps\n";
        INFO(b.does);
        CHECK(by == name_of(b.broken));
        if (by != name_of(b.broken)) continue;
        ++found;
        caught.insert(b.broken);
    }
    plant(none);
    std::cout << "planted bugs: " << found << " of " << std::size(all) << " found\n";
    for (std::size_t i = 0; i < invariants.size(); ++i) {
        INFO(invariants[i].name);
        const auto which = static_cast<invariant>(i);
        CHECK(caught.contains(which));
    }
}

TEST_CASE("what was once found in Caravan holds, and would be found again") {
    for (const auto& r : regressions) {
        INFO(r.name);
        const auto defect = std::ranges::find(all, r.defect, &planted_bug::what);
        REQUIRE(defect != std::end(all));
        plant(r.defect);
        const auto broken = run(of(*defect, r.seed));
        plant(none);
        REQUIRE_FALSE(broken.violations.empty());
        CHECK(broken.violations.front().invariant == name_of(defect->broken));
        CHECK(run(of(*defect, r.seed)).violations.empty());
    }
}

TEST_CASE("what is found is made small, and shown again by one line") {
    plant(timers_lost_over_restart);
    request r = of({none, "", inv::sagas_end, "end-controller,kill-vm,feed-slow"}, 1);
    account o;
    for (; r.seed <= seeds_usual; ++r.seed)
        if (o = run(r); !o.violations.empty()) break;
    REQUIRE_FALSE(o.violations.empty());
    const auto small = shrink(r, o, 40);
    CHECK(small.seen.invariant == name_of(inv::sagas_end));
    CHECK(small.faults.size() < o.struck.size());
    CHECK(small.faults.size() <= 3);
    CHECK_FALSE(small.lines.empty());
    const auto again = run(small.what);
    REQUIRE_FALSE(again.violations.empty());
    CHECK(again.violations.front().what == small.seen.what);
    CHECK(command_line(small.what).find(" --only ") != std::string::npos);
    plant(none);
}
