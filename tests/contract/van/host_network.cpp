// The host's side of a VAN, on real bridges.
#include <catch2/catch.hpp>

#include "adapters/van/names.hpp"
#include "packets.hpp"

using namespace caravan;
using namespace caravan::van;
using namespace caravan::van::test;
using namespace std::chrono_literals;

namespace {

const port::van blue{van_name{"blue"}, 42}, red{van_name{"red"}, 43};

// One host alone; its proxy is an address where nobody is.
struct lone_host {
    lone_host() : net("lone") {
        net.ip("link add eth0 type bridge");
        net.ip("addr add 10.1.0.11/24 dev eth0");
        net.ip("link set eth0 up");
        reborn();
    }
    void reborn() {  // as after kill -9: nothing is remembered
        net.inside([&] {
            network = linux_host_network::open({"10.1.0.11", "10.1.0.1:4789"}).value();
        });
    }
    template <class F>
    auto call(F work) {
        decltype(work(*network)) answer;
        net.inside([&] { answer = work(*network); });
        return answer;
    }
    space net;
    std::unique_ptr<linux_host_network> network;
};

}  // namespace

TEST_CASE("a VAN's devices appear as promised, and once", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(host.call([](auto& n) { return n.ensure({blue, red}); }));
        host.reborn();
    }
    REQUIRE(*host.call([](auto& n) { return n.observe(); }) == std::vector{blue, red});
    for (const char* fact :
         {"ip -d link show vx-blue | grep -q \"vxlan id 42 remote 10.1.0.1 local 10.1.0.11\"",
          "ip -d link show vx-blue | grep -q 'dstport 4789'",
          "ip -d link show vx-blue | grep -q nolearning",
          "test $(bridge fdb show dev vx-blue | grep -c 00:00:00:00:00:00) = 1",
          "test $(cat /sys/class/net/cv-blue/bridge/multicast_snooping) = 0",
          "test $(cat /sys/class/net/cv-blue/bridge/stp_state) = 0",
          "test $(cat /sys/class/net/cv-blue/mtu) = 1370",
          "test $(cat /sys/class/net/vx-blue/mtu) = 1370",
          "test $(cat /proc/sys/net/ipv6/conf/cv-blue/disable_ipv6) = 1",
          "test -d /sys/class/net/cv-blue/brif/vx-blue"}) {
        INFO(fact);
        REQUIRE(host.net.runs(std::string("sh -c '") + fact + "'"));
    }
    REQUIRE(host.call([](auto& n) { return n.ensure({red}); }));
    CHECK(*host.call([](auto& n) { return n.observe(); }) == std::vector{red});
    CHECK_FALSE(host.net.runs("ip link show cv-blue"));
}

TEST_CASE("a VXLAN device of another configuration is made anew", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    host.net.ip("link add cv-blue type bridge");
    host.net.ip("link add vx-blue type vxlan id 7 remote 10.1.0.99 local 10.1.0.11 dstport 4789");
    REQUIRE(host.call([](auto& n) { return n.ensure({blue}); }));
    REQUIRE(*host.call([](auto& n) { return n.observe(); }) == std::vector{blue});
    host.net.ip("link add cv-red type veth peer name elsewhere");
    REQUIRE(host.call([](auto& n) { return n.ensure({red}); }).error().reason == "device_taken");
    const port::van long_name{van_name{"twelve-chars"}, 44};
    const auto refused = host.call([&](auto& n) { return n.ensure({long_name}); });
    REQUIRE(refused.error().reason == "van_name_too_long");
    REQUIRE(refused.error().kind == certainty::permanent);
}

TEST_CASE("not one frame passes a silent port before it is activated", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    const auto job = job_with("01SILENT", {blue.name});
    const auto port = tap_name(job.id, 0);
    REQUIRE(host.call([](auto& n) { return n.ensure({blue}); }));
    guest other("other", host.net, "vnet0", "cv-blue", "52:54:00:00:00:99", "10.9.0.9");
    REQUIRE(host.call([&](auto& n) { return n.attach_silent(job, {blue}); }));

    guest silent("silent", host.net, port, "", "52:54:00:00:00:00", "10.9.0.1");
    REQUIRE(host.call([&](auto& n) { return n.activate(job); }).error().reason == "port_missing");
    ear outside(other.net, "eth0"), inside(silent.net, "eth0"), wan(host.net, "vx-blue"),
        bridge(host.net, "cv-blue");
    mouth within(silent.net, "eth0"), without(other.net, "eth0");  // both speak all the time
    silent.plug(host.net, "cv-blue");                              // what libvirt does
    for (int i = 0; i < 2; ++i) {  // asked again by another life of the agent
        const auto before = within.said();
        REQUIRE(eventually([&] { return within.said() > before + 1000; }, 10s));
        host.reborn();
        REQUIRE(host.call([&](auto& n) { return n.attach_silent(job, {blue}); }));
    }
    CHECK_FALSE(silent.pings("10.9.0.9"));
    CHECK(outside.heard() == 0);
    CHECK(inside.heard() == 0);
    CHECK(host.net.runs("sh -c 'bridge fdb show br cv-blue | grep -q 02:00:00:00:00:77.*vnet0'"));
    CHECK_FALSE(
        host.net.runs("sh -c 'bridge fdb show br cv-blue | grep -q " + port + ".*dynamic'"));

    REQUIRE(host.call([&](auto& n) { return n.activate(job); }));
    CHECK(eventually([&] { return outside.heard() > 10 && inside.heard() > 10; }, 1s));
    // Not at once: its own address resolution failed a moment ago, and the mouths fill the link.
    CHECK(eventually([&] { return silent.pings("10.9.0.9"); }, 10s));
    REQUIRE(host.call([&](auto& n) { return n.activate(job); }));
}

TEST_CASE("a guest whose host lost its power is plugged in when it is started anew", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    const auto job = job_with("01ANEW", {blue.name});
    REQUIRE(host.call([&](auto& n) { return n.attach_silent(job, {blue}); }));
    REQUIRE(host.call([&](auto& n) { return n.activate(job); }));  // its tap went with its process
    guest other("other", host.net, "vnet0", "cv-blue", "52:54:00:00:00:99", "10.9.0.9");
    guest anew("anew", host.net, tap_name(job.id, 0), "cv-blue", "52:54:00:00:00:00", "10.9.0.1");
    CHECK(eventually([&] { return anew.pings("10.9.0.9"); }, 10s));
}

TEST_CASE("the negative control: without silence the same frames pass", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    REQUIRE(host.call([](auto& n) { return n.ensure({blue}); }));
    guest other("other", host.net, "vnet0", "cv-blue", "52:54:00:00:00:99", "10.9.0.9");
    guest loud("silent", host.net, "vnet1", "", "52:54:00:00:00:00", "10.9.0.1");
    ear outside(other.net, "eth0");
    mouth within(loud.net, "eth0");
    loud.plug(host.net, "cv-blue");
    REQUIRE(eventually([&] { return outside.heard() > 100; }, 5s));
}

TEST_CASE("devices go with the last port, and not before", "[root]") {
    NEEDS_ROOT();
    lone_host host;
    const auto first = job_with("01FIRST", {blue.name}),
               second = job_with("01SECOND", {blue.name, red.name});
    REQUIRE(host.call([&](auto& n) { return n.attach_silent(first, {blue}); }));
    REQUIRE(host.call([&](auto& n) { return n.attach_silent(second, {blue, red}); }));
    auto resident = std::make_unique<guest>("resident", host.net, "vnet7", "cv-blue",
                                            "52:54:00:00:00:07", "10.9.0.7");
    guest arriving("arriving", host.net, tap_name(second.id, 1), "cv-red", "52:54:00:00:00:01",
                   "10.9.1.1");

    REQUIRE(host.call([&](auto& n) { return n.detach(first); }));
    CHECK(*host.call([](auto& n) { return n.observe(); }) == std::vector{blue, red});
    resident.reset();
    REQUIRE(host.call([&](auto& n) { return n.detach(first); }));
    CHECK(host.net.has("cv-blue"));  // the second job's port is still to come
    host.reborn();
    REQUIRE(host.call([&](auto& n) { return n.detach(second); }));
    REQUIRE(host.call([&](auto& n) { return n.detach(second); }));
    for (const auto* gone : {"cv-blue", "vx-blue", "cv-red", "vx-red"})
        CHECK_FALSE(host.net.has(gone));
    CHECK_FALSE(host.net.has(tap_name(second.id, 1)));
    CHECK_FALSE(host.net.runs("sh -c 'nft list table bridge caravan | grep -q cvt'"));
}
