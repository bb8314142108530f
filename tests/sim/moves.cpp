// One VM, both ways, with everything that a scheduler may ask wrongly.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/sim/federation.hpp"

using namespace caravan;
using namespace caravan::testing;

namespace {

sim::guest guest(const std::string& name, std::uint32_t number = 1) {
    return {name, "lan", number};
}

std::string text(const whole_cloud& c, const migration_id& id) {
    const auto m = c.migration(id);
    return m ? m->state + " in " + m->phase + ": " + m->reason + " stuck: " + m->stuck : "unknown";
}

void ends(federation& f, whole_cloud& from, const receipt& r, const std::string& state) {
    INFO(r.text);
    REQUIRE(r.status == "accepted");
    const bool over = await([&] { return from.ended(r.migration); });
    INFO(text(from, r.migration));
    REQUIRE(over);
    CHECK(from.migration(r.migration)->state == state);
    auto& to = f.other(from);
    CHECK(await([&] { return !to.migration(r.migration) || to.ended(r.migration); }));
}

port::route route_of(whole_cloud& c, const std::string& mac) {
    const auto all = c.site_routes->observe();
    for (const auto& r : *all)
        if (r.mac == mac) return r;
    return {};
}

void is_clean(federation& f) {
    for (const auto& v : f.world.violations()) FAIL_CHECK(v);
    await([&] { return f.world.leftovers().empty(); }, 5s);
    for (const auto& left : f.world.leftovers()) FAIL_CHECK(left);
    for (auto* c : {&f.a, &f.b}) {
        CHECK(c->is_as_replayed());
        c->controller->with_view([](const topology::federation& v) {
            for (const auto& [name, h] : v.hosts) CHECK(h.reserved.empty());
        });
    }
}

}  // namespace

TEST_CASE("a VM moves to the other cloud and back") {
    federation f;
    f.boot(f.a, 0, guest("vm1"));
    CHECK(f.a.submit("caravan.van.create", "lan", "{}").status == "accepted");
    CHECK(f.a.is_as_replayed());

    ends(f, f.a, f.a.migrate("vm1"), "done");
    CHECK(f.home_of("vm1").cloud == f.b.name);
    CHECK(f.b.vm("vm1").run_right == epoch(2));
    CHECK(f.b.vm("vm1").state == "running");
    CHECK(f.a.vm("vm1").state == "absent");
    is_clean(f);
    // The network followed: both sites send its frames to the one place where it was announced
    // last.
    const auto mac = sim::spec_of(guest("vm1")).nics[0].mac;
    for (auto* c : {&f.a, &f.b}) {
        CHECK(await([&] { return route_of(*c, mac).run_right == epoch(2); }));
        CHECK(route_of(*c, mac).at == f.b.name);
        CHECK(route_of(*c, mac).here == (c == &f.b));
    }
    CHECK(f.world.announcements().back().where == f.home_of("vm1"));
    CHECK(f.world.announcements().size() == 2);

    ends(f, f.b, f.b.migrate("vm1"), "done");
    CHECK(f.home_of("vm1").cloud == f.a.name);
    CHECK(f.a.vm("vm1").run_right == epoch(3));
    is_clean(f);
}

TEST_CASE("what cannot be is refused by name, and nothing is copied") {
    federation f;
    f.boot(f.a, 0, guest("vm1", 1));
    const auto refused = [](const receipt& r, const std::string& reason) {
        INFO(r.text);
        CHECK(r.status == "refused");
        CHECK(r.reason == reason);
    };
    refused(f.a.migrate("vm9"), "no_such_vm");
    refused(f.a.submit("caravan.vm.migrate", "vm1", R"({"to":"nowhere"})"), "no_such_cloud");
    refused(f.a.submit("caravan.vm.migrate", "vm1", R"({"to":"thales"})"), "already_there");
    refused(f.a.submit("caravan.vm.dance", "vm1", "{}"), "unknown_type");
    refused(f.a.submit("caravan.migration.abort", "01J", "{}"), "no_such_migration");
    const auto malformed = [&](const char* data, const char* where) {
        const auto r = f.a.submit("caravan.vm.migrate", "vm1", data);
        CHECK(r.status == "malformed");
        CHECK_THAT(r.text, Catch::Contains(where));
    };
    malformed(R"({"to":7})", R"("pointer":"/data/to")");
    malformed(R"({"to":"umea","dedline_seconds":60})", R"("pointer":"/data/dedline_seconds")");
    malformed(R"({"to":"umea","bandwidth":"10"})", "wants a whole number");
    malformed("[]", R"("pointer":"/data")");

    const auto no = [&](const sim::guest& g, const std::string& reason) {
        f.boot(f.a, 1, g);
        const auto r = f.a.migrate(g.name);
        ends(f, f.a, r, "refused");
        CHECK(f.a.migration(r.migration)->reason == reason);
        CHECK(f.home_of(g.name) == f.a.place_of(1));
        CHECK(f.a.vm(g.name).state == "running");
        CHECK(f.a.vm(g.name).run_right == epoch(1));
        CHECK(f.world.copies_of(vm_name(g.name)).size() == 1);
        is_clean(f);
    };
    no({"giant", "lan", 2, bytes{65} << 30}, "no_capacity");
    no({"hoarder", "lan", 3, 128 << 20, bytes{5} << 40}, "no_capacity");
    f.boot(f.b, 0, guest("twin", 4));
    no({"other-twin", "lan", 4}, "mac_taken");
    auto strange = sim::spec_of(guest("strange", 5));
    strange.disks[0].base_digest = "sha256:" + std::string(64, 'c');
    f.world.boot(f.a.place_of(0), strange);
    REQUIRE(await([&] { return f.a.vm("strange").state == "running"; }));
    const auto r = f.a.migrate("strange");
    ends(f, f.a, r, "refused");
    CHECK(f.a.migration(r.migration)->reason == "no_base_image");
    is_clean(f);
}

TEST_CASE("the same submission twice is one migration") {
    federation f;
    f.boot(f.a, 0, guest("vm1"));
    const auto first = f.a.submit("caravan.vm.migrate", "vm1", R"({"to":"umea"})", "job-17");
    REQUIRE(first.status == "accepted");
    const auto again = f.a.submit("caravan.vm.migrate", "vm1", R"({"to":"umea"})", "job-17");
    CHECK(again.status == "duplicate");
    CHECK(again.migration == first.migration);
    ends(f, f.a, first, "done");
    const auto late = f.a.submit("caravan.vm.migrate", "vm1", R"({"to":"umea"})", "job-17");
    CHECK(late.status == "duplicate");
    CHECK(late.migration == first.migration);
    CHECK(late.at == again.at);
    is_clean(f);
}

namespace {
// A copy that takes seconds; until it is let go.
ground slow_ground() {
    ground g;
    g.pace.rate = 4 << 20;
    return g;
}
void let_go(federation& f) {
    f.world.set_pace({});
}
receipt begin_slow(federation& f) {
    f.boot(f.a, 0, guest("vm1"));
    const auto r = f.a.migrate("vm1");
    INFO(r.text);
    REQUIRE(r.status == "accepted");
    REQUIRE(await([&] {
        const auto all = f.world.copies_of(vm_name("vm1"));
        return all.size() == 2 && all.back().state == port::run_state::arriving;
    }));
    return r;
}
}  // namespace

TEST_CASE("a VM that moves is not moved twice") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    CHECK(f.a.migrate("vm1").reason == "vm_already_moving");
    let_go(f);
    ends(f, f.a, r, "done");
    is_clean(f);
}

TEST_CASE("an abort in the copy leaves the VM where it was") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    CHECK(f.a.submit("caravan.migration.abort", r.migration.text, "{}").status == "accepted");
    ends(f, f.a, r, "undone");
    CHECK(f.a.migration(r.migration)->reason == "aborted");
    CHECK(f.home_of("vm1") == f.a.place_of(0));
    CHECK(f.a.vm("vm1").state == "running");
    CHECK(f.a.vm("vm1").run_right == epoch(1));
    is_clean(f);
    let_go(f);
    ends(f, f.a, f.a.migrate("vm1"), "done");
    is_clean(f);
}

TEST_CASE("a VM is not moved again before the undo of its last move is over") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    f.a.hub.cut(f.a.device_of(0));  // the copy cannot be aborted now
    CHECK(f.a.submit("caravan.migration.abort", r.migration.text, "{}").status == "accepted");
    REQUIRE(await([&] { return f.a.vm("vm1").state == "running"; }));
    const auto again = f.a.migrate("vm1");
    CHECK(again.reason == "vm_already_moving");
    CHECK_THAT(again.text, Catch::Contains(r.migration.text));
    CHECK_THAT(f.a.read("/vms/vm1"), Catch::Contains(R"("migration":")" + r.migration.text));
    f.a.hub.heal(f.a.device_of(0));
    ends(f, f.a, r, "undone");
    is_clean(f);
    let_go(f);
    ends(f, f.a, f.a.migrate("vm1"), "done");
    is_clean(f);
}

TEST_CASE("controllers restart while a VM is copied") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    SECTION("the source's") {
        f.a.stop_controller();
        f.a.start_controller();
    }
    SECTION("the destination's") {
        f.b.stop_controller();
        f.b.start_controller();
    }
    SECTION("both, and the copy ends meanwhile") {
        f.a.stop_controller();
        f.b.stop_controller();
        let_go(f);
        REQUIRE(await([&] {
            return f.world.copies_of(vm_name("vm1")).back().state == port::run_state::paused;
        }));
        f.a.start_controller();
        f.b.start_controller();
    }
    let_go(f);
    ends(f, f.a, r, "done");
    CHECK(f.home_of("vm1").cloud == f.b.name);
    is_clean(f);
}

namespace {
// Holds the migration between the release and the acquisition: no word of the release gets through.
receipt release_unheard(federation& f) {
    f.boot(f.a, 0, guest("vm1"));
    f.world.set_deaf(true);
    f.world.set_pace({4 << 20});
    const auto r = f.a.migrate("vm1");
    REQUIRE(await([&] { return f.world.copies_of(vm_name("vm1")).size() == 2; }));
    f.a.feed_outage = true;
    let_go(f);
    REQUIRE(await([&] { return f.a.vm("vm1").state == "released"; }));
    CHECK(f.home_of("vm1") == sim::place{});  // in doubt it is paused, never doubled
    return r;
}
}  // namespace

TEST_CASE("a release that nobody hears is heard when the feed is back") {
    federation f;
    const auto r = release_unheard(f);
    std::this_thread::sleep_for(300ms);  // nothing happens without the word
    CHECK(f.home_of("vm1") == sim::place{});
    CHECK(f.b.vm("vm1").state == "arriving");
    SECTION("both controllers live on") {}
    SECTION("the source's controller was restarted in between") {
        f.a.stop_controller();
        f.a.start_controller();
    }
    SECTION("the destination's controller was restarted in between") {
        f.b.stop_controller();
        f.b.start_controller();
    }
    f.a.feed_outage = false;
    ends(f, f.a, r, "done");
    CHECK(f.home_of("vm1").cloud == f.b.name);
    CHECK(f.b.vm("vm1").run_right == epoch(2));
    is_clean(f);
}

namespace {
std::ptrdiff_t count_of(const whole_cloud& c, const std::string& type) {
    const auto all = c.entries();
    return std::count_if(all.begin(), all.end(), [&](const auto& e) { return e.type.ends_with(type); });
}
std::ptrdiff_t stops_of(const whole_cloud& c) { return count_of(c, "cloud.feed_stopped"); }
}  // namespace

TEST_CASE("a feed that was lost and written anew is heard again once a person says so") {
    federation f;
    f.boot(f.a, 0, guest("vm1"));
    const auto there = f.a.migrate("vm1");
    ends(f, f.a, there, "done");
    f.a.stop_controller();
    f.a.lose_feed();
    f.a.start_controller();
    REQUIRE(await([&] { return stops_of(f.b) == 1; }));
    const auto resume = [&](const char* data) { return f.b.submit("caravan.cloud.resume_feed", f.a.name.text, data).status; };
    const auto by_program = f.b.submit("caravan.cloud.resume_feed", f.a.name.text, "{}", "", port::role::scheduler);
    CHECK(by_program.reason == "role_too_low");
    REQUIRE(resume("{}") == "accepted");
    REQUIRE(await([&] { return stops_of(f.b) == 2; }));  // it does not follow: said once more
    REQUIRE(resume("{\"anew\":true}") == "accepted");
    SECTION("at once") {}
    SECTION("the reader was restarted in between") {
        f.b.stop_controller();
        f.b.start_controller();
    }
    f.boot(f.a, 0, guest("vm2", 2));
    const auto again = f.a.migrate("vm2");
    ends(f, f.a, again, "done");
    CHECK(f.home_of("vm2").cloud == f.b.name);
    CHECK(stops_of(f.b) == 2);
    is_clean(f);
}

TEST_CASE("a controller whose journal was put back from an older copy refuses to go on") {
    federation f;
    f.a.stop_controller();
    f.a.keep_journal("older");
    f.a.start_controller();
    f.boot(f.a, 0, guest("vm1"));
    ends(f, f.a, f.a.migrate("vm1"), "done");
    f.a.stop_controller();
    f.a.keep_journal("newest");
    f.a.put_back_journal("older");
    SECTION("it is not even started") {
        CHECK_THROWS_WITH(f.a.start_controller(), Catch::Contains("journal_rewound") && Catch::Contains("the feed to umea"));
    }
    SECTION("nor gone on with, where the feed is reached only later") {
        f.a.feed_outage = true;
        f.a.start_controller();
        const auto heard = count_of(f.b, "cloud.heard");
        f.a.feed_outage = false;
        REQUIRE(await([&] { return !f.a.controller->desk().ready(); }));
        const auto receipt = f.a.submit("caravan.van.create", "red", "{}");
        CHECK(receipt.status == "refused");
        CHECK(receipt.reason == "journal_rewound");
        const auto status = f.a.read("/status");
        CHECK_THAT(status, Catch::Contains(R"("ready":false)") && Catch::Contains(R"("page":"docs/runbooks/journal_rewound.md")"));
        CHECK_THAT(f.a.read("/clouds/thales"), Catch::Contains(R"("state":"stopped")"));
        CHECK(count_of(f.b, "cloud.heard") == heard);
    }
    f.a.stop_controller();
    f.a.put_back_journal("newest");
    f.a.start_controller();
    f.boot(f.a, 0, guest("vm2", 2));
    ends(f, f.a, f.a.migrate("vm2"), "done");
    CHECK(stops_of(f.b) == 0);
    is_clean(f);
}

TEST_CASE("control links are cut and heal") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    const std::pair<whole_cloud*, port::device> all[] = {{&f.a, f.a.device_of(0)},
                                                         {&f.a, f.a.proxy_device()},
                                                         {&f.b, f.b.proxy_device()},
                                                         {&f.b, f.b.device_of(0)},
                                                         {&f.b, f.b.device_of(1)}};
    for (const auto& [c, who] : all) c->hub.cut(who);
    let_go(f);
    REQUIRE(await(
        [&] { return f.world.copies_of(vm_name("vm1")).back().state == port::run_state::paused; }));
    CHECK_FALSE(f.a.ended(r.migration));
    for (const auto& [c, who] : all) c->hub.heal(who);
    ends(f, f.a, r, "done");
    CHECK(f.home_of("vm1").cloud == f.b.name);
    is_clean(f);
}

TEST_CASE("a destination whose hosts were just lost waits for them") {
    federation f;
    f.boot(f.a, 0, guest("vm1"));
    const auto lose_hosts = [&] {
        for (std::size_t i = 0; i < f.b.host_names.size(); ++i) f.b.hub.cut(f.b.device_of(i));
    };
    SECTION("they hung up") { lose_hosts(); }
    SECTION("its controller has just started") {
        f.b.stop_controller();
        lose_hosts();
        f.b.start_controller();
    }
    REQUIRE(await([&] {
        bool gone = true;
        f.b.controller->with_view([&](const topology::federation& v) {
            for (const auto& [name, h] : v.hosts) gone = gone && !h.online;
        });
        return gone;
    }));
    const auto r = f.a.migrate("vm1");
    REQUIRE(await([&] { return f.b.migration(r.migration).has_value(); }));
    CHECK_FALSE(await([&] { return f.b.ended(r.migration); }, 500ms));
    for (std::size_t i = 0; i < f.b.host_names.size(); ++i) f.b.hub.heal(f.b.device_of(i));
    ends(f, f.a, r, "done");
    CHECK(f.a.migration(r.migration)->steps.front().attempts <= 1);  // within one asking
    is_clean(f);
}

TEST_CASE("a controller that has never heard of a proxy opens no channel before it does") {
    federation f;
    auto& c = GENERATE(0, 1) == 0 ? f.a : f.b;
    f.boot(f.a, 0, guest("vm1"));
    c.stop_controller();
    c.hub.cut(c.proxy_device());
    c.start_controller();
    const auto r = f.a.migrate("vm1");
    REQUIRE(r.status == "accepted");
    CHECK_FALSE(await([&] { return f.a.ended(r.migration); }, 1s));
    c.hub.heal(c.proxy_device());
    ends(f, f.a, r, "done");
    is_clean(f);
}

TEST_CASE("adapters' actors die in the middle of their work") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    const auto kill_all = [](whole_cloud& c) {
        for (auto& agent : c.agents)
            for (const auto one : {act::start_copy, act::attach_silent, act::open_end})
                agent->kill(one);
        c.proxy->kill(act::open_relay);
        c.proxy->kill(act::set_routes);
    };
    kill_all(f.a);
    kill_all(f.b);
    let_go(f);
    ends(f, f.a, r, "done");
    CHECK(f.home_of("vm1").cloud == f.b.name);
    is_clean(f);
}

TEST_CASE("a copy that is cut off is tried again, or undone") {
    federation f(slow_ground());
    const auto r = begin_slow(f);
    f.world.restart_daemon(f.b.place_of(0));
    f.world.restart_daemon(f.b.place_of(1));
    REQUIRE(await([&] { return f.world.copies_of(vm_name("vm1")).size() == 1; }));
    CHECK(f.home_of("vm1") == f.a.place_of(0));
    CHECK(f.a.submit("caravan.migration.abort", r.migration.text, "{}").status == "accepted");
    ends(f, f.a, r, "undone");
    is_clean(f);
}

TEST_CASE("the world sees what must never be") {
    sim::timer_thread time;
    sim::world world(time.timing());
    const sim::place one{cloud_name("thales"), host_name("h1")},
        two{cloud_name("umea"), host_name("h2")};
    for (const auto& where : {one, two}) world.add_host(where, sim::host_for_guests());
    world.boot(one, sim::spec_of(guest("vm1")));
    CHECK(world.violations().empty());
    CHECK(world.leftovers().empty());
    world.boot(two, sim::spec_of(guest("vm1")));
    CHECK(world.violations().size() == 1);
    world.power_loss(one);
    CHECK(world.leftovers().size() == 1);
    time.stop();
}
