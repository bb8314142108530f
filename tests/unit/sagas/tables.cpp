// The tables: a saga's steps, who does what at each side, and what a lost outcome means.
#include <catch2/catch.hpp>
#include <set>

#include "actors/sagas/deeds.hpp"
#include "actors/sagas/move_vm.hpp"
#include "actors/sagas/resolver.hpp"
#include "actors/sagas/state.hpp"

namespace {

using namespace caravan;
using namespace caravan::saga;

constexpr step first{"one", where::source, op::reserve, op::release, 1s, 3, 1s, kind::undoable};
constexpr step turn{"turn", where::source, op::release_run_right, op::none, 1s, 1, 0ms, kind::pivot};
constexpr step after{"after", where::both, op::move_routes, op::none, 1s, for_ever, 1s, kind::forward};

template <class Change>
constexpr bool sound_with(step s, Change change) {
    change(s);
    const step table[] = {s, turn, after};
    return sound(table);
}
template <class Change>
constexpr bool sound_after(Change change) {
    step s = after;
    change(s);
    const step table[] = {first, turn, s};
    return sound(table);
}
template <std::size_t N>
constexpr bool sound_as(const step (&table)[N]) { return sound(table); }

static_assert(sound_as({first, turn, after}));
static_assert(sound_as({first}));
static_assert(!sound({}));
static_assert(!sound_with(first, [](step& s) { s.name = ""; }));
static_assert(!sound_with(first, [](step& s) { s.name = turn.name; }));
static_assert(!sound_with(first, [](step& s) { s.forward = after.forward; }));
static_assert(!sound_with(first, [](step& s) { s.forward = op::none; }));
static_assert(!sound_with(first, [](step& s) { s.deadline = -1ms; }));
static_assert(!sound_with(first, [](step& s) { s.undo = op::none; }), "no way back before the pivot");
static_assert(!sound_with(first, [](step& s) { s.tries = for_ever; }), "for ever before the pivot");
static_assert(!sound_with(first, [](step& s) { s.kind = kind::forward; }), "forward before the pivot");
static_assert(!sound_with(first, [](step& s) { s.again_from = op::retire_copy; }), "again from no earlier step");
static_assert(!sound_after([](step& s) { s.again_from = op::reserve; }), "back over the pivot");
static_assert(!sound_after([](step& s) { s.undo = op::release; }), "a way back after the pivot");
static_assert(!sound_after([](step& s) { s.tries = 3; }), "tries that end after the pivot");
static_assert(!sound_after([](step& s) { s.deadline = by_plan; }), "no deadline after the pivot");
static_assert(!sound_after([](step& s) { s.kind = kind::undoable; }), "undoable after the pivot");
static_assert(!sound_after([](step& s) { s.kind = kind::pivot; s.tries = 1; }), "two pivots");

bool has_deeds(op what, side at) { return !deeds_of(what, at).empty(); }

}  // namespace

TEST_CASE("each side has deeds for what the table asks of it, and for nothing else") {
    std::set<std::pair<op, side>> wanted;
    for (std::uint32_t i = 0; i < std::size(move_vm); ++i)
        for (const auto at : {side::source, side::destination})
            for (const auto way : {direction::forward, direction::undo}) {
                const auto what = migration::op_of(i, way);
                if (what == op::none || !migration::touches(i, at)) continue;
                INFO(to_text(what) << " at " << to_text(at));
                CHECK(has_deeds(what, at));
                wanted.emplace(what, at);
            }
    // Beside the table: the abort goes on record, a lost outcome is looked for, a lost destination is given up.
    wanted.emplace(op::take_back, side::source);
    wanted.emplace(op::yield, side::destination);
    wanted.emplace(op::keep_vm, side::source);
    wanted.emplace(op::observe, side::source);
    wanted.emplace(op::observe, side::destination);
    for (const auto& d : deeds) {
        INFO(to_text(d.what) << " at " << to_text(d.at));
        CHECK(wanted.contains({d.what, d.at}));
    }
}

TEST_CASE("the deeds of an op stand together, and each once") {
    std::size_t counted = 0;
    for (std::size_t i = 0; i < op_names.size(); ++i)
        for (const auto at : {side::source, side::destination}) counted += deeds_of(op(i), at).size();
    CHECK(counted == std::size(deeds));
    for (std::size_t i = 0; i < std::size(deeds); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const auto &a = deeds[i], &b = deeds[j];
            const bool same = a.what == b.what && a.at == b.at && a.who == b.who &&
                              a.device_act == b.device_act && a.books_entry == b.books_entry;
            CHECK_FALSE(same);
        }
}

TEST_CASE("the run-right is on record before anything acts on it") {
    const auto resume = deeds_of(op::resume_vm, side::destination);
    CHECK(resume.front().books_entry == entry::acquire);
    const auto release = deeds_of(op::release_run_right, side::source);
    CHECK(release[0].device_act == act::prove_off);
    CHECK(release[1].books_entry == entry::release);
    for (const auto what : {op::abort_copy, op::close_channel, op::release, op::retire_copy})
        for (const auto at : {side::source, side::destination})
            if (has_deeds(what, at)) CHECK(deeds_of(what, at).front().device_act == act::close_relay);
}

TEST_CASE("what a lost outcome means, for everything that can be seen") {
    using w = source_world;
    using d = destination_word;
    using v = verdict;
    struct row { w here; d there; v expected; };
    const row rows[] = {
        // It runs here and no job is left: the copy is lost, whatever is over there. Never two runners.
        {w::running, d::unseen, v::abort}, {w::running, d::nothing, v::abort}, {w::running, d::whole, v::abort},
        // The job goes on without us: it may still succeed, its deadline stands.
        {w::running_with_job, d::unseen, v::follow}, {w::running_with_job, d::nothing, v::follow},
        {w::running_with_job, d::whole, v::follow},
        // Paused and no job: whole over there, so only the end was lost. Otherwise it must run on here,
        // and a guest is not kept waiting for a peer that cannot be heard.
        {w::paused, d::unseen, v::abort}, {w::paused, d::nothing, v::abort}, {w::paused, d::whole, v::release},
        // Paused at the end of its job: whole over there is enough; else the job shall end by itself.
        {w::paused_with_job, d::unseen, v::follow}, {w::paused_with_job, d::nothing, v::follow},
        {w::paused_with_job, d::whole, v::release},
        // Off here: the only whole copy may be over there, so no word is not a no.
        {w::off, d::unseen, v::wait}, {w::off, d::nothing, v::abort}, {w::off, d::whole, v::release},
        // We are blind: nothing is concluded from the peer alone, for it may still run here.
        {w::unseen, d::unseen, v::wait}, {w::unseen, d::nothing, v::wait}, {w::unseen, d::whole, v::wait},
    };
    std::set<std::pair<w, d>> seen;
    for (const auto& r : rows) {
        INFO(to_text(r.here) << " here, " << to_text(r.there) << " there");
        CHECK(to_text(resolve(r.here, r.there)) == to_text(r.expected));
        seen.emplace(r.here, r.there);
    }
    CHECK(seen.size() == source_world_names.size() * destination_word_names.size());
}
