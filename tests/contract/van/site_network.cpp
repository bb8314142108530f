// Two sites, two hosts each, and a WAN between them.
#include <catch2/catch.hpp>

#include "packets.hpp"

using namespace caravan;
using namespace caravan::van;
using namespace caravan::van::test;
using namespace std::chrono_literals;

namespace {

const port::van blue{van_name{"blue"}, 42}, red{van_name{"red"}, 43};
const std::string vm_mac = "52:54:00:00:00:01";

port::route route(const port::van& van, const std::string& mac, const site& at, int host, bool here,
                  std::uint64_t run_right) {
    return {van.name,
            mac,
            here,
            at.cloud,
            here ? host_name{"h"} : host_name{},
            here ? at.host_address(host) : "",
            epoch{run_right}};
}

void place(ground& on, const port::van& van, const std::string& mac, site& at, int host,
           std::uint64_t run_right) {
    auto& other = &at == &on.a ? on.b : on.a;
    REQUIRE(at.network->set_route(route(van, mac, at, host, true, run_right)));
    REQUIRE(other.network->set_route(route(van, mac, at, host, false, run_right)));
}

// A plain neighbour is heard of when it has said something; a VM has its route.
bool meets(const guest& one, const std::string& address) {
    return eventually([&] { return one.pings(address); }, 5s);
}

std::uint64_t drops(site& at, verdict what) {
    return at.network->counters().verdicts[static_cast<std::size_t>(what)];
}

}  // namespace

TEST_CASE("guests of a VAN reach each other within a site and across the WAN", "[root]") {
    NEEDS_ROOT();
    ground on;
    on.extend(blue);
    guest a1("ga1", *on.a.h1, "vnet0", "cv-blue", vm_mac, "10.9.0.1");
    guest a2("ga2", *on.a.h2, "vnet0", "cv-blue", "52:54:00:00:00:02", "10.9.0.2");
    guest b1("gb1", *on.b.h1, "vnet0", "cv-blue", "52:54:00:00:00:03", "10.9.0.3");
    guest b2("gb2", *on.b.h2, "vnet0", "cv-blue", "52:54:00:00:00:04", "10.9.0.4");
    for (const auto* other : {"10.9.0.2", "10.9.0.3", "10.9.0.4"}) CHECK(meets(a1, other));
    CHECK(meets(b2, "10.9.0.3"));
    place(on, blue, vm_mac, on.a, 1, 1);
    place(on, blue, "52:54:00:00:00:04", on.b, 2, 1);
    CHECK(b2.pings("10.9.0.1"));

    SECTION("a packet of 1370 bytes passes whole over a WAN of 1500, more is dropped and counted") {
        CHECK(a1.pings("10.9.0.4", "-c 1 -W 1 -M do -s 1342"));
        for (const auto* each : {&a1, &b2}) each->net.ip("link set eth0 mtu 1500");
        on.a.h1->ip("link set vnet0 mtu 1500");
        on.a.h1->ip("link set cv-blue mtu 1500");
        on.a.h1->ip("link set vx-blue mtu 1450");
        CHECK_FALSE(a1.pings("10.9.0.4", "-c 1 -W 1 -M do -s 1400"));
        CHECK(on.a.network->counters().too_large == 1);
        CHECK(a1.pings("10.9.0.4", "-c 1 -W 1 -M do -s 1342"));
    }
    SECTION("TCP with offloaded segmentation and checksums arrives whole") {
        const auto moved = tcp_stream(a1.net, b2.net, "10.9.0.4", 20'000'000);
        CHECK(moved.bytes == 20'000'000);
        CHECK(moved.sent_sum == moved.received_sum);
        CHECK(on.a.network->counters().too_large == 0);  // segmented before it was wrapped
    }
}

TEST_CASE("two tenants with the same addresses never hear each other", "[root]") {
    NEEDS_ROOT();
    ground on;
    on.extend(blue);
    on.extend(red);
    guest blue_a("ba", *on.a.h1, "vnet0", "cv-blue", vm_mac, "10.9.0.1");
    guest red_a("ra", *on.a.h1, "vnet1", "cv-red", vm_mac, "10.9.0.1");
    guest blue_b("bb", *on.b.h1, "vnet0", "cv-blue", "52:54:00:00:00:02", "10.9.0.2");
    guest red_b("rb", *on.b.h2, "vnet0", "cv-red", "52:54:00:00:00:02", "10.9.0.2");
    place(on, blue, vm_mac, on.a, 1, 1);
    place(on, red, vm_mac, on.a, 1, 1);
    CHECK(meets(blue_a, "10.9.0.2"));
    CHECK(meets(red_a, "10.9.0.2"));
    ear red_ear_a(red_a.net, "eth0"), red_ear_b(red_b.net, "eth0"), blue_ear_b(blue_b.net, "eth0");
    {
        mouth speaks(blue_a.net, "eth0");
        CHECK(eventually([&] { return blue_ear_b.heard() > 500; }, 10s));
    }
    CHECK(red_ear_a.heard() == 0);
    CHECK(red_ear_b.heard() == 0);
    // umea leaves red: thales' frames of red are refused there.
    REQUIRE(on.b.network->shrink(red.name));
    CHECK_FALSE(red_a.pings("10.9.0.2"));
    CHECK(drops(on.b, verdict::unknown_van) > 0);
    CHECK(blue_a.pings("10.9.0.2"));
}

TEST_CASE("an address moves with its epoch, and speaks from one place only", "[root]") {
    NEEDS_ROOT();
    ground on;
    on.extend(blue);
    guest peer("peer", *on.a.h2, "vnet0", "cv-blue", "52:54:00:00:00:09", "10.9.0.9");
    guest before("before", *on.a.h1, "vnet0", "cv-blue", vm_mac, "10.9.0.1");
    guest after("after", *on.b.h1, "vnet0", "cv-blue", vm_mac, "10.9.0.1");
    place(on, blue, vm_mac, on.a, 1, 1);
    CHECK(meets(before, "10.9.0.9"));
    CHECK_FALSE(after.pings("10.9.0.9"));  // at umea its route says thales
    CHECK(drops(on.b, verdict::wrong_source) > 0);

    place(on, blue, vm_mac, on.b, 1, 2);
    CHECK(meets(after, "10.9.0.9"));
    const auto dropped = drops(on.a, verdict::wrong_source);
    before.pings("10.9.0.9");
    CHECK(drops(on.a, verdict::wrong_source) > dropped);
    const auto stale = on.a.network->set_route(route(blue, vm_mac, on.a, 1, true, 1));
    CHECK(stale.error().reason == "stale_route");
    CHECK(stale.error().kind == certainty::permanent);
    CHECK(on.a.network->observe()->front().run_right == epoch{2});
    CHECK(after.pings("10.9.0.9"));
    REQUIRE(on.b.network->drop_route(blue.name, vm_mac, epoch{2}));
    CHECK(on.b.network->observe()->empty());
}

TEST_CASE("the tunnel comes back by itself", "[root]") {
    NEEDS_ROOT();
    ground on;
    on.extend(blue);
    guest a1("ga1", *on.a.h1, "vnet0", "cv-blue", vm_mac, "10.9.0.1");
    guest b1("gb1", *on.b.h1, "vnet0", "cv-blue", "52:54:00:00:00:03", "10.9.0.3");
    REQUIRE(meets(a1, "10.9.0.3"));
    const auto down = [&] { return !on.a.peers.up() && !on.b.peers.up(); };
    const auto up = [&] { return on.a.peers.up() && on.b.peers.up(); };

    SECTION("after a WAN that was dark") {
        on.wan("down");
        CHECK(eventually(down, 5s));
        CHECK_FALSE(a1.pings("10.9.0.3"));
        on.wan("up");
        CHECK(eventually(up, 5s));
        CHECK(a1.pings("10.9.0.3", "-c 3 -i 0.2 -W 1"));
    }
    SECTION("after either proxy was stopped") {
        for (auto* each : {&on.a, &on.b}) {
            each->stop();
            each->start();
            REQUIRE(each->network->extend(blue, on.peers_of(*each)));
            CHECK(eventually(up, 10s));
            CHECK(eventually([&] { return a1.pings("10.9.0.3"); }, 5s));
        }
    }
    SECTION("after either proxy was killed, without a goodbye") {
        for (auto* each : {&on.a, &on.b}) {
            on.wan("down");
            each->stop();
            on.wan("up");
            each->start();
            REQUIRE(each->network->extend(blue, on.peers_of(*each)));
            CHECK(eventually([&] { return a1.pings("10.9.0.3"); }, 10s));
            CHECK(up());
        }
    }
}

TEST_CASE("whom the pinned CA does not know is no peer", "[root]") {
    NEEDS_ROOT();
    ground on;
    on.keys.issue("umea", "mallory", "proxy", "forged");
    on.keys.issue("umea", "umea", "agent", "agent");
    const auto forged = GENERATE(as<std::string>{}, "forged", "agent");
    auto settings = on.b.settings;
    settings.own = on.keys.of(forged);
    if (forged == "forged")
        settings.own.ca = on.keys.ca("mallory");
    else
        settings.own.ca = on.keys.ca("umea");
    on.b.stop();
    on.b.start(settings);
    for (auto* each : {&on.a, &on.b}) REQUIRE(each->network->extend(blue, on.peers_of(*each)));
    REQUIRE(eventually([&] { return !on.a.peers.refusals().empty(); }, 10s));
    CHECK(on.a.peers.refusals().front().reason == "certificate_untrusted");
    CHECK_FALSE(on.a.peers.up());
}
