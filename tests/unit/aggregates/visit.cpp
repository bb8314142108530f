#include "actors/visit/state.hpp"
#include "tests/unit/aggregates/walk.hpp"

using namespace caravan;
using namespace caravan::visit;

namespace {

const migration_id id("m1");

migration::requested request(const char* to = "thales") {
    migration::requested r;
    r.id = id;
    r.from = cloud_name("umea");
    r.to = cloud_name(to);
    r.run_right = epoch(5);
    r.deadline = test::noon - std::chrono::minutes(2);  // our patience with it is over at noon
    return r;
}

asking key(op what, direction way = direction::forward, std::uint32_t attempt = 1) {
    const auto step = what == op::observe ? saga::index_of(op::start_copy) : saga::index_of(what);
    return {id, step, way, attempt, what};
}

ask asks(op what, direction way = direction::forward, std::uint32_t attempt = 1) {
    ask a{key(what, way, attempt), {}};
    if (what == op::reserve) a.about = {request()};
    return a;
}

hear_result result_of(asking k, outcome how, const char* reason = "") {
    return {k, {how, reason}, host_name("h1"), {"leave", "signature"}};
}

}  // namespace

TEST_CASE("visit: another cloud than the source says nothing about it") {
    auto umea = test::here, lund = test::here;
    umea.from = cloud_name("umea");
    lund.from = cloud_name("lund");
    const auto refused = decide(state{}, asks(op::reserve), lund);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == "not_its_migration");
    const auto taken = decide(state{}, asks(op::reserve), umea);
    REQUIRE(taken);
    auto s = test::grown(state{}, std::get<visit::fact>(taken->front().what));
    s = test::grown(s, visit::fact(admitted{request(), {}, host_name("h1")}));
    CHECK_FALSE(decide(s, hear_release{epoch(5), false}, lund));
    CHECK(decide(s, hear_release{epoch(5), false}, umea)->size() == 1);
}

TEST_CASE("visit: every phase × every command") {
    const auto admitting = test::grown(state{}, visit::fact(asked{key(op::reserve), {request()}}));
    const auto admitted_now = test::grown(admitting, visit::fact(admitted{request(), {"leave", "signature"}, host_name("h1")}),
                                          visit::fact(answered{key(op::reserve), {}, {}}));
    const auto staging = test::grown(admitted_now, visit::fact(asked{key(op::stage_disk), {}}));
    const auto silent = test::grown(admitted_now, visit::fact(awaiting_word{"deadline_passed"}));
    const auto whole = test::grown(silent, visit::fact(awaiting_word{"whole"}));
    const auto owed = test::grown(admitted_now, visit::fact(release_heard{epoch(5), true}));
    const auto owning = test::grown(owed, visit::fact(acquired{}));
    const auto retiring = test::grown(owning, visit::fact(asked{key(op::retire_copy), {}}));
    const auto settled_now = test::grown(owning, visit::fact(settled{}));
    const auto freeing_now = test::grown(silent, visit::fact(freeing{"deadline_passed"}));
    const auto freed_now = test::grown(freeing_now, visit::fact(freed{"deadline_passed"}));
    const auto yielding = test::grown(owning, visit::fact(reclaim_heard{epoch(6)}));
    auto cannot_resume = owed, cannot_clear = freeing_now;
    for (std::uint32_t i = 0; i < care::of_steps.limit; ++i) {
        evolve(cannot_resume, awaiting_word{"copy_not_whole"}, test::noon);
        evolve(cannot_clear, freeing{"deadline_passed"}, test::noon);
    }
    ask stray = asks(op::reserve);
    stray.about = {request("elsewhere")};
    ask foreign = asks(op::start_copy);
    ask beyond = asks(op::stage_disk);
    beyond.key.step = 4'000'000'000;
    const auto undo = direction::undo;
    test::walk<state, visit::command>("visit",
        {{"absent", {}}, {"admitting", admitting}, {"admitted", admitted_now}, {"admitted, staging", staging},
         {"admitted, silent", silent}, {"admitted, whole", whole}, {"owed", owed}, {"owning", owning},
         {"owning, retiring", retiring}, {"settled", settled_now}, {"owed, cannot resume", cannot_resume}, {"freeing", freeing_now}, {"freeing, cannot clear", cannot_clear}, {"freeing, taken back", yielding}, {"freed", freed_now}},
        {{"ask reserve", asks(op::reserve)}, {"ask reserve again", asks(op::reserve, direction::forward, 2)},
         {"ask, meant for another", stray}, {"ask a source's op", foreign}, {"ask beyond the table", beyond},
         {"ask stage_disk", asks(op::stage_disk)}, {"ask observe", asks(op::observe)},
         {"ask resume_vm", asks(op::resume_vm)}, {"ask move_routes", asks(op::move_routes)},
         {"ask retire_copy", asks(op::retire_copy)}, {"ask discard_disk", asks(op::discard_disk, undo)},
         {"ask release", asks(op::release, undo)},
         {"reserved", result_of(key(op::reserve), outcome::ok)},
         {"reserve failed", result_of(key(op::reserve), outcome::transient, "device_offline")},
         {"reserve refused", result_of(key(op::reserve), outcome::permanent, "no_capacity")},
         {"staged", result_of(key(op::stage_disk), outcome::ok)},
         {"retired", result_of(key(op::retire_copy), outcome::ok)},
         {"resumed unasked", result_of(own_key(owed, op::resume_vm), outcome::ok)},
         {"resume failed", result_of(own_key(owed, op::resume_vm), outcome::unknown, "connection_lost")},
         {"looked: whole", result_of(own_key(silent, op::observe), outcome::ok, "whole")},
         {"looked: nothing", result_of(own_key(silent, op::observe), outcome::ok, "nothing")},
         {"could not look", result_of(own_key(silent, op::observe), outcome::unknown, "connection_lost")},
         {"resumed at last", result_of(own_key(cannot_resume, op::resume_vm), outcome::ok)},
         {"freed at last", result_of(own_key(cannot_clear, op::release), outcome::ok)},
         {"freed unasked", result_of(own_key(freeing_now, op::release), outcome::ok)},
         {"release heard", hear_release{epoch(5), false}}, {"release, other epoch", hear_release{epoch(9), true}},
         {"reclaim heard", hear_reclaim{epoch(6)}}, {"reclaim, old epoch", hear_reclaim{epoch(5)}},
         {"cleared, taken back", result_of(own_key(yielding, op::yield), outcome::ok)},
         {"deadline passed", deadline_passed{}}},
        [](const state& s) { return s.rank; },
        [](phase p) { return p == phase::settled || p == phase::freed; });
}

TEST_CASE("visit: what is heard early is answered when it is asked") {
    auto s = test::grown(state{}, visit::fact(asked{key(op::reserve), {request()}}),
                         visit::fact(admitted{request(), {}, host_name("h1")}),
                         visit::fact(answered{key(op::reserve), {}, {}}), visit::fact(release_heard{epoch(5), true}));
    const auto taken = decide(s, hear_result{own_key(s, op::resume_vm), {}, {}, {}}, test::here);
    REQUIRE(taken);
    s = test::after(s, *taken);
    REQUIRE(s.now == phase::owning);
    const auto answers = decide(s, asks(op::resume_vm), test::here);
    REQUIRE((answers && answers->size() == 2));
    CHECK(test::short_name(answers->back().what) == "visit.answered");
    CHECK(answers->back().audience.text == "umea");
}
