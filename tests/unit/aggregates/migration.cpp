#include "actors/sagas/state.hpp"
#include "tests/unit/aggregates/walk.hpp"

using namespace caravan;
using namespace caravan::migration;

namespace {

const migration_id id("m1");
using saga::index_of;

requested request() {
    requested r;
    r.id = id;
    r.from = cloud_name("thales");
    r.to = cloud_name("umea");
    r.run_right = epoch(5);
    r.host = host_name("h1");
    r.deadline = test::noon + std::chrono::minutes(5);
    return r;
}

asking key(op what, direction way = direction::forward, std::uint32_t attempt = 1) {
    return {id, index_of(what), way, attempt, what};
}

// Forward up to the step whose op this is, which has been asked for.
state at(op what) {
    auto s = test::grown(state{}, migration::fact(requested(request())));
    while (s.step < index_of(what)) {
        const auto step = s.step;
        for (const auto where : {side::source, side::destination})
            if (touches(step, where)) evolve(s, step_done{step, direction::forward, where}, test::noon);
    }
    if (touches(s.step, side::destination)) evolve(s, asked{key(what), {}}, test::noon);
    return s;
}

hear_result heard(side where, asking k, outcome how, const char* reason = "") {
    return {where, std::move(k), {how, reason}, {}};
}

}  // namespace

TEST_CASE("migration: every phase × every command") {
    const auto source = side::source, there = side::destination;
    const auto copying = at(op::start_copy);
    const auto lost = test::grown(copying, migration::fact(step_failed{index_of(op::start_copy), direction::forward, source, 1, {outcome::unknown, "connection_lost"}}),
                                  migration::fact(asked{{id, index_of(op::start_copy), direction::forward, 2, op::observe}, {}}));
    auto seen = lost;
    note(seen, heard(source, {id, index_of(op::start_copy), direction::forward, 2, op::observe}, outcome::ok, "off"));
    const auto undoing_now = test::grown(copying, migration::fact(undoing{"aborted"}));
    const auto kept = test::grown(undoing_now, migration::fact(vm_kept{}));
    const auto refused = test::grown(at(op::reserve), migration::fact(step_failed{0, direction::forward, there, 1, {outcome::permanent, "no_capacity"}}),
                                     migration::fact(undoing{"no_capacity"}));
    const auto done = test::grown(at(op::retire_copy), migration::fact(ended{true, false, "", {}, 0, 0}));
    const auto undone = test::grown(kept, migration::fact(ended{false, false, "aborted", {}, 0, 0}));
    const auto failed_often = [](state s, side where, direction way) {
        for (std::uint32_t i = 1; i <= care::of_steps.limit; ++i)
            evolve(s, step_failed{s.step, way, where, i, {outcome::transient, "timed_out"}}, test::noon);
        if (where == side::destination) evolve(s, asked{{id, s.step, way, care::of_steps.limit + 1, op_of(s.step, way)}, {}}, test::noon);
        return s;
    };
    const auto unheard = failed_often(at(op::resume_vm), there, direction::forward);
    auto nearly = at(op::resume_vm);
    nearly.destination.attempt = care::of_steps.limit;
    const auto undo_stands = failed_often(kept, source, direction::undo);
    const auto again = test::grown(copying, migration::fact(step_failed{index_of(op::start_copy), direction::forward, source, 1, {outcome::transient, "copy_failed"}}),
                                   migration::fact(went_back{index_of(op::stage_disk)}),
                                   migration::fact(asked{{id, index_of(op::stage_disk), direction::forward, 1, op::stage_disk, 1}, {}}));
    const auto reclaimed_now = test::grown(at(op::resume_vm), migration::fact(reclaimed{"operator", "host lost"}), migration::fact(undoing{"reclaimed"}));
    const auto taken_back = test::grown(reclaimed_now, migration::fact(vm_kept{}));
    const asking look2{id, index_of(op::start_copy), direction::forward, 2, op::observe};
    const asking keep{id, index_of(op::start_copy), direction::undo, 1, op::keep_vm};
    test::walk<state, migration::command>("migration",
        {{"absent", {}}, {"forward: admit", at(op::reserve)}, {"forward: prepare storage", at(op::stage_disk)},
         {"forward: open channel", at(op::open_channel)}, {"forward: copy", copying},
         {"forward: copy, outcome lost", lost}, {"forward: copy, lost, off here", seen},
         {"forward: release run-right", at(op::release_run_right)},
         {"forward: acquire run-right", at(op::resume_vm)}, {"forward: acquire run-right, unheard", unheard}, {"forward: acquire run-right, nearly", nearly}, {"forward: retire source", at(op::retire_copy)},
         {"undoing: not on record yet", undoing_now}, {"undoing: copy", kept}, {"undoing: copy, stands still", undo_stands}, {"undoing: refused", refused}, {"undoing: reclaimed", reclaimed_now}, {"undoing: reclaimed, on record", taken_back},
         {"forward: prepare storage, again", again},
         {"done", done}, {"undone", undone}},
        {{"begin", begin{}}, {"abort", migration::abort{"operator"}},
         {"admitted", heard(there, key(op::reserve), outcome::ok)},
         {"admission refused", heard(there, key(op::reserve), outcome::permanent, "no_capacity")},
         {"admission unheard", step_timeout{there, key(op::reserve)}},
         {"staged", heard(there, key(op::stage_disk), outcome::ok)},
         {"opened here", heard(source, key(op::open_channel), outcome::ok)},
         {"opened there", heard(there, key(op::open_channel), outcome::ok)},
         {"copied", heard(source, key(op::start_copy), outcome::ok)}, {"copy ready", copy_ready{}},
         {"copy failed", heard(source, key(op::start_copy), outcome::transient, "copy_failed")},
         {"copy impossible", heard(source, key(op::start_copy), outcome::permanent, "vm_not_running")},
         {"copy unknown", heard(source, key(op::start_copy), outcome::unknown, "connection_lost")},
         {"figures", note_copied{1, 2, duration(3)}},
         {"seen here: running", heard(source, look2, outcome::ok, "running")},
         {"seen there: whole", heard(there, look2, outcome::ok, "whole")},
         {"seen there: nothing", heard(there, look2, outcome::ok, "nothing")},
         {"look again", retry{look2}},
         {"released", heard(source, key(op::release_run_right), outcome::ok)},
         {"release impossible", heard(source, key(op::release_run_right), outcome::permanent, "still_running")},
         {"release unknown", heard(source, key(op::release_run_right), outcome::unknown, "not_off")},
         {"acquire unheard once too often", step_timeout{there, key(op::resume_vm, direction::forward, care::of_steps.limit)}},
         {"acquired", heard(there, key(op::resume_vm), outcome::ok)},
         {"acquired at last", heard(there, key(op::resume_vm, direction::forward, care::of_steps.limit + 1), outcome::ok)},
         {"copy undone at last", heard(source, key(op::abort_copy, direction::undo, care::of_steps.limit + 1), outcome::ok)},
         {"acquire failed", heard(there, key(op::resume_vm), outcome::permanent, "copy_not_whole")},
         {"retired here", heard(source, key(op::retire_copy), outcome::ok)},
         {"retired there", heard(there, key(op::retire_copy), outcome::ok)},
         {"kept", heard(source, keep, outcome::ok)},
         {"keep: released", heard(source, keep, outcome::permanent, "already_released")},
         {"keep unheard", step_timeout{source, keep}},
         {"copy undone", heard(source, key(op::abort_copy, direction::undo), outcome::ok)},
         {"reclaim", reclaim{"operator", "host lost", true}}, {"reclaim, not fenced", reclaim{"operator", "", false}},
         {"taken back", heard(source, {id, index_of(op::resume_vm), direction::undo, 1, op::take_back}, outcome::ok)},
         {"staged again", heard(there, {id, index_of(op::stage_disk), direction::forward, 1, op::stage_disk, 1}, outcome::ok)},
         {"retry admission", retry{key(op::reserve)}}},
        [](const state&) { return 0; }, [](phase p) { return p == phase::done || p == phase::undone; });
}

TEST_CASE("migration: only a guest that was handed over had a downtime") {
    const note_copied figures{1, 2, std::chrono::milliseconds(300)};
    const auto last_word = [](const state& s, const asking& k) {
        const auto said = decide(s, heard(side::destination, k, outcome::ok), test::here);
        REQUIRE(said);
        REQUIRE_FALSE(said->empty());
        return std::get<ended>(std::get<migration::fact>(said->back().what));
    };
    auto aborted = at(op::start_copy);
    evolve(aborted, asked{key(op::reserve), {}}, test::noon);  // else nobody there has anything to undo
    note(aborted, figures);
    aborted = test::grown(aborted, migration::fact(undoing{"aborted"}), migration::fact(vm_kept{}));
    while (aborted.step > 0)
        for (const auto where : {side::source, side::destination})
            if (touches(aborted.step, where))
                evolve(aborted, step_done{aborted.step, direction::undo, where}, test::noon);
    const auto undone = last_word(aborted, key(op::release, direction::undo));
    CHECK_FALSE(undone.done);
    CHECK(undone.downtime == duration{});
    CHECK(undone.disk == 1);

    auto moved = at(op::retire_copy);
    note(moved, figures);
    evolve(moved, step_done{moved.step, direction::forward, side::source}, test::noon);
    const auto done = last_word(moved, key(op::retire_copy));
    CHECK(done.done);
    CHECK(done.downtime == figures.downtime);
}

TEST_CASE("migration: the request that a peer gets does not say where the VM runs") {
    const auto s = test::grown(state{}, migration::fact(requested(request())));
    const auto asking_now = decide(s, begin{}, test::here);
    REQUIRE((asking_now && asking_now->size() == 1));
    CHECK(data_of(asking_now->front().what, part::all).find("h1") == std::string::npos);
}
