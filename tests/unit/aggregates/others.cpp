// host, proxy, cloud and van: each phase × each command.
#include <filesystem>

#include "actors/care/state.hpp"
#include "actors/cloud/state.hpp"
#include "actors/host/state.hpp"
#include "actors/proxy/state.hpp"
#include "actors/van/state.hpp"
#include "tests/unit/aggregates/walk.hpp"

using namespace caravan;

namespace {

constexpr auto nothing_grows = [](const auto&) { return 0; };
constexpr auto never_ends = [](auto) { return false; };

host::inventory inventory(bytes memory = 100) {
    host::inventory has;
    has.memory = memory;
    has.disk_free = 100;
    has.machines = {"pc"};
    has.cpu_models = {"qemu64"};
    has.base_digests = {"sha256:1"};
    return has;
}

host::reserve room(bytes memory, bytes disk = 10) {
    return {migration_id("m1"), memory, disk, 20, "pc", "qemu64", {"sha256:1"}};
}

cloud::heard heard(std::uint64_t at, const char* incarnation) {
    return {sequence(at), incarnation, "link", "{}"};
}

}  // namespace

TEST_CASE("host: every phase × every command") {
    const auto online = test::grown(host::state{}, host::fact(host::came_online{inventory()}));
    const auto kept = test::grown(online, host::fact(host::reserved{migration_id("m2"), 30, 30}));
    const auto offline = test::grown(kept, host::fact(host::went_offline{}));
    auto machine = room(10), cpu = room(10), base = room(10);
    machine.machine = "q35";
    cpu.cpu_model = "EPYC";
    base.base_digests = {"sha256:2"};
    test::walk<host::state, host::command>("host",
        {{"unknown", {}}, {"online", online}, {"online, room kept", kept}, {"offline", offline}},
        {{"hello", host::hello{inventory()}}, {"hello, with more", host::hello{inventory(200)}},
         {"lose", host::lose{}}, {"reserve", room(50)}, {"reserve all", room(80)},
         {"reserve too much", room(81)}, {"reserve too much disk", room(10, 101)},
         {"reserve beyond numbers", room(~bytes{0}, ~bytes{0})}, {"reserve, machine", machine},
         {"reserve, cpu", cpu}, {"reserve, base", base},
         {"release", host::release{migration_id("m2")}}, {"release unknown", host::release{migration_id("m9")}}},
        nothing_grows, never_ends);
}

TEST_CASE("proxy: every phase × every command") {
    const auto online = test::grown(proxy::state{}, proxy::fact(proxy::came_online{"p:1", "10.0.0.1"}));
    const auto offline = test::grown(online, proxy::fact(proxy::went_offline{}));
    test::walk<proxy::state, proxy::command>("proxy",
        {{"unknown", {}}, {"online", online}, {"offline", offline}},
        {{"hello", proxy::hello{"p:1", "10.0.0.1"}}, {"hello, moved", proxy::hello{"p:2", "10.0.0.1"}},
         {"lose", proxy::lose{}},
         {"note refusal", proxy::note_refusal{migration_id("m1"), "bad_ticket", ""}, true},
         {"note close", proxy::note_close{migration_id("m1"), "stalled"}, true}},
        nothing_grows, never_ends);
}

TEST_CASE("care: every phase × every command") {
    const auto ailing = test::grown(care::state{}, care::fact(care::needs_person{"keeps_dying", "", ""}));
    auto over = ailing;
    over.last = test::noon - care::calm_after;
    test::walk<care::state, care::command>("care", {{"well", {}}, {"ailing", ailing}, {"ailing, calm since", over}},
        {{"died", care::died{test::noon, "died 10 times"}}, {"calm", care::calm{}}},
        [](const care::state& s) { return s.last; }, never_ends);
}

TEST_CASE("care: who dies again is not well three minutes after it died first") {
    auto s = test::grown(care::state{}, care::fact(care::needs_person{"keeps_dying", "", ""}));
    note(s, care::command(care::died{test::noon + std::chrono::minutes(2), ""}));
    auto later = test::here;
    later.now = test::noon + care::calm_after;
    CHECK(decide(s, care::calm{}, later)->empty());
    REQUIRE(pending(s).size() == 1);
    CHECK(std::get<wake>(pending(s).front()).at == test::noon + std::chrono::minutes(2) + care::calm_after);
}

TEST_CASE("care: pauses grow, then are rare") {
    using namespace std::chrono_literals;
    const care::patience p{50ms, 30s, 12, 60s};
    CHECK(pause_after(p, 1) == 50ms);
    CHECK(pause_after(p, 3) == 200ms);
    CHECK(pause_after(p, 11) == 30s);
    CHECK(pause_after(p, 12) == 60s);
    CHECK(pause_after(p, ~0u) == 60s);
}

TEST_CASE("care: every need has its page, and every page its need") {
    std::set<std::string> needs(care::need_names.begin(), care::need_names.end()), pages;
    for (const auto& file : std::filesystem::directory_iterator(RUNBOOKS)) pages.insert(file.path().stem());
    needs.insert(care::journal_needs.begin(), care::journal_needs.end());
    CHECK(needs == pages);
}

TEST_CASE("cloud: every phase × every command") {
    const auto third = test::grown(cloud::state{}, cloud::fact(heard(3, "a")));
    const auto stopped = test::grown(third, cloud::fact(cloud::feed_stopped{sequence(3), "feed_gap", ""}));
    test::walk<cloud::state, cloud::command>("cloud",
        {{"listening, new", {}}, {"listening, heard 3", third}, {"stopped", stopped}},
        {{"hear 1", cloud::hear{{heard(1, "a")}}}, {"hear 3 and 4", cloud::hear{{heard(3, "a"), heard(4, "a")}}},
         {"hear 5", cloud::hear{{heard(5, "a")}}}, {"hear 4 and 6", cloud::hear{{heard(4, "a"), heard(6, "a")}}},
         {"hear 1 made anew", cloud::hear{{heard(1, "b")}}}, {"hear 4 made anew", cloud::hear{{heard(4, "b")}}},
         {"stop", cloud::stop_feed{"feed_fork", ""}}, {"resume", cloud::resume_feed{}}},
        [](const cloud::state& s) { return s.last.at; }, never_ends);
}

TEST_CASE("cloud: a feed made anew is read from its first record once a person says so") {
    const auto third = test::grown(cloud::state{}, cloud::fact(heard(3, "a")));
    const auto stopped = test::grown(third, cloud::fact(cloud::feed_stopped{sequence(3), "feed_rewound", ""}));
    const auto first_of = [](const cloud::state& s, const cloud::command& c) {
        const auto decided = decide(s, c, test::here);
        REQUIRE(decided);
        REQUIRE_FALSE(decided->empty());
        return std::get<cloud::fact>(decided->front().what);
    };
    const auto merely = test::grown(stopped, first_of(stopped, cloud::resume_feed{}));
    CHECK(std::holds_alternative<cloud::feed_stopped>(first_of(merely, cloud::hear{{heard(1, "b")}})));
    const auto anew = test::grown(stopped, first_of(stopped, cloud::resume_feed{true}));
    CHECK(std::holds_alternative<cloud::heard>(first_of(anew, cloud::hear{{heard(1, "b")}})));
}

TEST_CASE("van: every phase × every command") {
    const cloud_name own = test::here.own, umea("umea");
    const auto empty = test::grown(van::state{}, van::fact(van::created{7, own}));
    const auto routed = test::grown(empty, van::fact(van::route_moved{"mac", own, host_name("h1"), epoch(4)}));
    const auto dropped = test::grown(routed, van::fact(van::route_dropped{"mac", epoch(4)}));
    test::walk<van::state, van::command>("van",
        {{"absent", {}}, {"present, empty", empty}, {"present, routed", routed}, {"present, dropped", dropped}},
        {{"create", van::create{7, own}}, {"create, other VNI", van::create{8, own}},
         {"create, VNI 0", van::create{0, own}}, {"create, 25 bits", van::create{1u << 24, own}},
         {"move same", van::move_route{"mac", own, host_name("h1"), epoch(4)}},
         {"move to h2", van::move_route{"mac", own, host_name("h2"), epoch(4)}},
         {"move away, newer", van::move_route{"mac", umea, {}, epoch(5)}},
         {"move away, same epoch", van::move_route{"mac", umea, {}, epoch(4)}},
         {"move away, older", van::move_route{"mac", umea, {}, epoch(3)}},
         {"drop", van::drop_route{"mac", epoch(4)}}, {"drop, older", van::drop_route{"mac", epoch(3)}},
         {"remove", van::remove{}}},
        [](const van::state& s) { return s.routes.contains("mac") ? s.routes.at("mac").run_right : epoch(); },
        never_ends);
}
