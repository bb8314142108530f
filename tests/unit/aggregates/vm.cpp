#include <algorithm>

#include "actors/vm/state.hpp"
#include "tests/unit/aggregates/walk.hpp"

using namespace caravan;
using namespace caravan::vm;

namespace {

const migration_id first("m1"), second("m2");
const host_name h1("h1"), h2("h2");
const cloud_name umea("umea");

vm_spec spec(const char* uuid = "7a1c") {
    vm_spec s;
    s.name = vm_name("sge-1");
    s.uuid = uuid;
    return s;
}

}  // namespace

TEST_CASE("vm: every phase × every command") {
    const auto running = test::grown(state{}, vm::fact(discovered{spec(), h1, epoch(4), true}));
    const auto stopped = test::grown(running, vm::fact(vm::stopped{h1}));
    const auto moving = test::grown(running, vm::fact(move_begun{first, umea}));
    const auto released = test::grown(moving, vm::fact(run_right_released{first, umea, epoch(5)}));
    const auto gone = test::grown(released, vm::fact(departed{first}));
    const auto awaited = test::grown(state{}, vm::fact(expected{first, umea, epoch(5), spec(), h1}));
    const auto refused = test::grown(awaited, vm::fact(unexpected{first}));
    const auto back = test::grown(released, vm::fact(run_right_reclaimed{first, umea, epoch(6)}));
    const auto ours = test::grown(awaited, vm::fact(run_right_acquired{first, umea, epoch(5), h1}));
    const auto lost = test::grown(ours, vm::fact(run_right_lost{first, umea, epoch(6)}));
    const auto astray = test::grown(gone, vm::fact(strayed{h1}));
    begin_move move;
    move.migration = first;
    move.to = umea;
    auto home = move;
    home.to = test::here.own;
    auto other = move;
    other.migration = second;
    auto next = other;
    next.over = first;
    const auto undone = test::grown(moving, vm::fact(move_abandoned{first, "undone"}));
    test::walk<state, vm::command>("vm",
        {{"absent", {}}, {"stopped", stopped}, {"running", running}, {"moving", moving},
         {"released", released}, {"expected", awaited}, {"absent, departed", gone},
         {"absent, did not come", refused}, {"absent, runs astray", astray},
         {"stopped, taken back", back}, {"running, acquired", ours}, {"absent, lost", lost},
         {"running, kept", undone}},
        {{"seen running", observe{spec(), h1, true, true}},
         {"seen off", observe{spec(), h1, true, false}},
         {"not seen", observe{spec(), h1, false, false}},
         {"seen running elsewhere", observe{spec(), h2, true, true}},
         {"seen off elsewhere", observe{spec(), h2, true, false}},
         {"another seen running", observe{spec("other"), h1, true, true}},
         {"move", move}, {"move home", home}, {"another move", other},
         {"another move, the first over", next},
         {"abandon", abandon_move{first, "aborted"}}, {"abandon another", abandon_move{second, "late"}},
         {"release", release{first}}, {"release another", release{second}},
         {"depart", depart{first}}, {"depart another", depart{second}},
         {"expect", expect{first, umea, epoch(5), spec(), h1}},
         {"expect another", expect{second, umea, epoch(6), spec(), h1}},
         {"expect an old epoch", expect{second, umea, epoch(0), spec(), h1}},
         {"forget", forget{first}}, {"forget another", forget{second}},
         {"acquire", acquire{first, epoch(5)}}, {"acquire another epoch", acquire{first, epoch(9)}},
         {"reclaim", reclaim{first, epoch(5)}}, {"reclaim another", reclaim{second, epoch(5)}},
         {"forfeit", forfeit{first, epoch(6)}}, {"forfeit, old epoch", forfeit{first, epoch(4)}}, {"forfeit another", forfeit{second, epoch(6)}}},
        [](const state& s) { return s.run_right; }, [](phase) { return false; });
}

TEST_CASE("vm: of an admission that was cut short and placed anew the last place counts") {
    const auto awaited = test::grown(state{}, vm::fact(expected{first, umea, epoch(5), spec(), h1}));
    const host_name h2("h2");
    const auto same = decide(awaited, expect{first, umea, epoch(5), spec(), h1}, test::here);
    REQUIRE(same);
    CHECK(same->empty());
    const auto elsewhere = decide(awaited, expect{first, umea, epoch(5), spec(), h2}, test::here);
    REQUIRE(elsewhere);
    REQUIRE(elsewhere->size() == 1);
    const auto moved = test::grown(awaited, std::get<vm::fact>(elsewhere->front().what));
    const auto taken = decide(moved, acquire{first, epoch(5)}, test::here);
    REQUIRE(taken);
    REQUIRE(taken->size() == 1);
    CHECK(std::get<run_right_acquired>(std::get<vm::fact>(taken->front().what)).host == h2);
}

TEST_CASE("vm: what is seen of a running VM is told when it matters") {
    auto known = spec();
    known.memory = 1u << 30;
    known.disks.push_back({"vda", 10u << 30, "sha256:aa", 400u << 20});
    const auto running = test::grown(state{}, vm::fact(discovered{known, h1, epoch(4), true}));
    const auto told = [&](const vm_spec& seen, bool runs) {
        const auto decided = decide(running, observe{seen, h1, true, runs}, test::here);
        REQUIRE(decided);
        return std::count_if(decided->begin(), decided->end(), [](const said& s) {
            const auto* f = std::get_if<vm::fact>(&s.what);
            return f && std::holds_alternative<changed>(*f);
        });
    };
    auto seen = known;
    CHECK(told(seen, true) == 0);
    seen.disks[0].overlay += 90u << 20;  // within a quarter
    CHECK(told(seen, true) == 0);
    seen.disks[0].overlay += 20u << 20;
    CHECK(told(seen, true) == 1);
    CHECK(told(seen, false) == 0);  // off: what was running said more
    seen = known;
    seen.disks[0].capacity = seen.disks[0].overlay = 0;  // could not be read
    CHECK(told(seen, true) == 0);
    seen = known;
    seen.memory *= 2;
    CHECK(told(seen, true) == 1);
    seen = known;
    seen.disks.clear();
    CHECK(told(seen, true) == 1);
}

TEST_CASE("vm: what cannot be moved stays, by name") {
    auto known = spec();
    known.nics = {{"52:54:00:00:00:01", van_name("lan")}};
    known.disks = {{"vda", 1024, {}, 1}};
    begin_move move;
    move.migration = first;
    move.to = umea;
    const auto answer = [&](copy_mode mode) {
        move.mode = mode;
        const auto here = test::grown(state{}, vm::fact(discovered{known, h1, epoch(4), true}));
        const auto said = decide(here, move, test::here);
        return said ? std::string("moves") : said.error().reason;
    };
    CHECK(answer(copy_mode::disk) == "moves");
    CHECK(answer(copy_mode::cow) == "no_base_image");
    known.nics.push_back({"52:54:00:00:00:02", {}});
    CHECK(answer(copy_mode::disk) == "not_in_a_van");
}
