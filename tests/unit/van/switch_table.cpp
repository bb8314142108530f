#include "adapters/van/switch_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace caravan;
using namespace caravan::van;
using namespace std::chrono_literals;

namespace {

const cloud_name thales{"thales"}, umea{"umea"}, oslo{"oslo"};
constexpr peer_index umea_index = 0, oslo_index = 1;
const van_name blue{"blue"}, red{"red"};
constexpr mac_address vm = 0x52540009000b, neighbour = 0x020000000001, all = 0xffffffffffff;
const std::string vm_text = "52:54:00:09:00:0b";

endpoint host(int n, std::uint16_t port = 4789) {
    return *parse_address("10.1.0." + std::to_string(10 + n), port);
}

std::vector<std::uint8_t> frame(mac_address to, mac_address from) {
    std::vector<std::uint8_t> made(60);
    for (std::size_t i = 0; i < 6; ++i) {
        made[i] = static_cast<std::uint8_t>(to >> (40 - 8 * i));
        made[6 + i] = static_cast<std::uint8_t>(from >> (40 - 8 * i));
    }
    return made;
}

port::route here(int n, std::uint64_t run_right, const van_name& van = blue) {
    return {van,
            vm_text,
            true,
            thales,
            host_name{"h" + std::to_string(n)},
            "10.1.0." + std::to_string(10 + n),
            epoch{run_right}};
}
port::route away(const cloud_name& cloud, std::uint64_t run_right) {
    return {blue, vm_text, false, cloud, {}, {}, epoch{run_right}};
}

// thales, with two VANs: blue reaches umea and oslo, red umea alone.
struct site {
    switch_table table{{umea, oslo}, 4789};
    egress out;
    site() {
        REQUIRE(table.extend({blue, 42}, {umea, oslo}));
        REQUIRE(table.extend({red, 43}, {umea}));
    }
    verdict from_host(int n, mac_address from, mac_address to, std::uint32_t vni = 42,
                      tick now = 0ms) {
        return table.forward({std::nullopt, host(n, 50000)}, vni, frame(to, from), now, out);
    }
    verdict from_peer(peer_index peer, mac_address from, mac_address to, std::uint32_t vni = 42,
                      tick now = 0ms) {
        return table.forward({peer, {}}, vni, frame(to, from), now, out);
    }
    bool only_hosts(std::vector<endpoint> hosts) {
        std::sort(out.hosts.begin(), out.hosts.end());
        return out.hosts == hosts && out.peers.empty();
    }
};

}  // namespace

TEST_CASE("a route decides, whatever was heard") {
    site at;
    REQUIRE(at.table.set_route(here(1, 1)));
    REQUIRE(at.from_host(2, neighbour, vm) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1)}));
    REQUIRE(at.from_peer(umea_index, 0x020000000002, vm) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1)}));

    REQUIRE(at.table.set_route(away(umea, 2)));
    REQUIRE(at.from_host(2, neighbour, vm) == verdict::forwarded);
    REQUIRE(at.out.hosts.empty());
    REQUIRE(at.out.peers == std::vector{umea_index});
}

TEST_CASE("an address speaks only from where its route says") {
    site at;
    REQUIRE(at.table.set_route(here(1, 1)));
    CHECK(at.from_host(1, vm, all) == verdict::forwarded);
    CHECK(at.from_host(2, vm, all) == verdict::wrong_source);
    CHECK(at.from_peer(umea_index, vm, all) == verdict::wrong_source);
    REQUIRE(at.table.set_route(away(umea, 2)));
    CHECK(at.from_host(1, vm, all) == verdict::wrong_source);
    CHECK(at.from_peer(umea_index, vm, all) == verdict::forwarded);
    CHECK(at.from_peer(oslo_index, vm, all) == verdict::wrong_source);
    CHECK(at.out.hosts.empty());
    CHECK(at.out.peers.empty());
}

TEST_CASE("floods reach every member but the one they came from, and the WAN only from here") {
    site at;
    REQUIRE(at.table.set_route(here(3, 1)));
    at.from_host(1, neighbour, all);
    REQUIRE(at.from_host(2, neighbour + 1, all) == verdict::forwarded);
    REQUIRE(at.out.peers == std::vector{umea_index, oslo_index});
    std::sort(at.out.hosts.begin(), at.out.hosts.end());
    REQUIRE(at.out.hosts == std::vector{host(1), host(3)});
    REQUIRE(at.from_peer(umea_index, neighbour + 2, all) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1), host(2), host(3)}));
}

TEST_CASE("a frame from the WAN never goes back to the WAN") {
    site at;
    REQUIRE(at.table.set_route(away(oslo, 1)));
    REQUIRE(at.from_peer(umea_index, neighbour, vm) == verdict::wan_to_wan);
    REQUIRE(at.out.peers.empty());
    at.from_peer(oslo_index, neighbour + 1, all);
    REQUIRE(at.from_peer(umea_index, neighbour, neighbour + 1) == verdict::wan_to_wan);
}

TEST_CASE("tenants never hear each other, though their addresses are equal") {
    site at;
    REQUIRE(at.table.set_route(here(1, 1, blue)));
    REQUIRE(at.table.set_route(here(2, 1, red)));
    REQUIRE(at.from_host(3, neighbour, vm, 42) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1)}));
    REQUIRE(at.from_host(3, neighbour, vm, 43) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(2)}));
    at.from_host(4, neighbour, all, 43);
    REQUIRE(at.from_peer(umea_index, neighbour + 3, all, 42) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1), host(3)}));
    CHECK(at.from_peer(oslo_index, neighbour, vm, 43) == verdict::not_extended);
    CHECK(at.from_host(1, neighbour, vm, 44) == verdict::unknown_van);
    at.table.shrink(red);
    CHECK(at.from_host(4, neighbour, all, 43) == verdict::unknown_van);
    CHECK_FALSE(at.table.uses(7));
    CHECK(at.table.uses(umea_index));
}

TEST_CASE("epochs: a lower one never overwrites a higher, and one epoch has one holder") {
    site at;
    REQUIRE(at.table.set_route(here(1, 5)));
    REQUIRE(at.table.set_route(here(1, 5)));
    REQUIRE(at.table.set_route(here(2, 5)));  // the same holder moved it to another of its hosts
    CHECK(at.table.set_route(away(umea, 4)).error().reason == "stale_route");
    CHECK(at.table.set_route(away(umea, 5)).error().reason == "stale_route");
    REQUIRE(at.table.set_route(away(umea, 6)));
    CHECK(at.table.set_route(here(1, 5)).error().reason == "stale_route");
    REQUIRE(at.table.routes() == std::vector{away(umea, 6)});

    at.table.drop_route(blue, vm, epoch{5});  // of an older time
    REQUIRE(at.table.routes().size() == 1);
    at.table.drop_route(blue, vm, epoch{7});
    REQUIRE(at.table.routes().empty());
    CHECK(at.table.set_route(away(umea, 6)).error().reason == "stale_route");
    REQUIRE(at.table.set_route(here(1, 7)));
}

TEST_CASE("what cannot be a route is refused by name") {
    site at;
    auto route = here(1, 1);
    route.mac = "ff:ff:ff:ff:ff:ff";
    CHECK(at.table.set_route(route).error().reason == "bad_route");
    route = here(1, 1);
    route.host_endpoint = "h1.inside";
    CHECK(at.table.set_route(route).error().reason == "bad_route");
    route = here(1, 1, van_name{"green"});
    CHECK(at.table.set_route(route).error().kind == certainty::transient);
    CHECK(at.table.extend({van_name{"green"}, 42}, {}).error().reason == "vni_taken");
    CHECK(at.table.extend({van_name{"green"}, 0}, {}).error().reason == "bad_vni");
    CHECK(at.table.extend({van_name{"green"}, 1 << 24}, {}).error().reason == "bad_vni");
    CHECK(at.table.extend({blue, 42}, {cloud_name{"nowhere"}}).error().reason == "unknown_peer");
    REQUIRE(at.table.extend({blue, 99}, {umea}));  // another VNI: the old one is carried no more
    CHECK(at.from_host(1, neighbour, all, 42) == verdict::unknown_van);
}

TEST_CASE("neighbours are learned, forgotten, and not taken over from the WAN") {
    site at;
    at.from_host(1, neighbour, all);
    REQUIRE(at.from_host(2, neighbour + 1, neighbour) == verdict::forwarded);
    REQUIRE(at.only_hosts({host(1)}));
    CHECK(at.from_host(1, neighbour, neighbour) == verdict::nowhere);
    CHECK(at.from_peer(umea_index, neighbour, all, 42, 1min) == verdict::wrong_source);
    CHECK(at.from_peer(umea_index, neighbour, all, 42, 6min) ==
          verdict::nowhere);  // members aged too
    REQUIRE(at.from_host(2, neighbour + 1, neighbour, 42, 6min) == verdict::forwarded);
    CHECK(at.out.peers == std::vector{umea_index});
    REQUIRE(at.table.set_route(here(1, 1)));
    CHECK(at.from_host(2, vm, all) == verdict::wrong_source);
}

TEST_CASE("malformed frames go nowhere") {
    site at;
    CHECK(at.from_host(1, all, vm) == verdict::malformed);
    CHECK(at.from_host(1, 0, vm) == verdict::malformed);
    CHECK(at.table.forward({std::nullopt, host(1)}, 42, {}, 0ms, at.out) == verdict::malformed);
    CHECK(at.table.extend({blue, 42}, {umea, oslo}));
}

TEST_CASE("whatever a peer or a host sends, tables stay bounded and promises hold") {
    site at;
    REQUIRE(at.table.set_route(here(1, 1)));
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        const auto from = random() & 0xffffffffffff,
                   to = i % 3 == 0 ? vm : random() & 0xffffffffffff;
        const bool wan = i % 2 == 0;
        const auto what =
            wan ? at.from_peer(umea_index, from, to) : at.from_host(i % 2000 % 240, from, to);
        if (what != verdict::forwarded) REQUIRE((at.out.hosts.empty() && at.out.peers.empty()));
        if (wan) REQUIRE(at.out.peers.empty());
        if (what == verdict::forwarded && to == vm) REQUIRE(at.only_hosts({host(1)}));
        REQUIRE(at.out.hosts.size() <= hosts_max + 1);
    }
}
