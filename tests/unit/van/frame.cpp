#include "adapters/van/frame.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace caravan::van;

namespace {

using packet = std::vector<std::uint8_t>;

packet vxlan(std::uint32_t vni, std::size_t frame) {
    packet made(vxlan_header + frame, 0xee);
    write_vxlan(vni, std::span(made).first<vxlan_header>());
    return made;
}

}  // namespace

TEST_CASE("the guests' MTU leaves room for IPv6, PPPoE and a VLAN tag on a WAN of 1500") {
    constexpr std::size_t ipv6 = 40, udp = 8, dtls = 37, pppoe = 8;
    STATIC_REQUIRE(guest_mtu == 1370);
    STATIC_REQUIRE(ipv6 + udp + dtls + wan_header + frame_max + pppoe <= 1500);
}

TEST_CASE("VXLAN headers are as RFC 7348 draws them") {
    const auto made = vxlan(0x123456, 14);
    REQUIRE(packet(made.begin(), made.begin() + 8) == packet{8, 0, 0, 0, 0x12, 0x34, 0x56, 0});
    const auto read = read_vxlan(made);
    REQUIRE(read);
    REQUIRE(read->vni == 0x123456);
    REQUIRE(read->frame.size() == 14);
    auto without_flag = made;
    without_flag[0] = 0;
    REQUIRE_FALSE(read_vxlan(without_flag));
    auto reserved = made;  // "ignored on receipt"
    reserved[0] = 0xff, reserved[1] = reserved[7] = 0xff;
    REQUIRE(read_vxlan(reserved)->vni == 0x123456);
}

TEST_CASE("what crosses the WAN says its kind and its VNI") {
    packet made(wan_header + 20, 0xee);
    write_wan(wan_kind::frame, vni_max, std::span(made).first<wan_header>());
    REQUIRE(read_wan(made)->vni == vni_max);
    REQUIRE(read_wan(made)->frame.size() == 20);
    made[0] = 0x20;  // a version to come
    REQUIRE_FALSE(read_wan(made));
    write_wan(wan_kind::keepalive, 0, std::span(made).first<wan_header>());
    REQUIRE_FALSE(read_wan(made));  // a keepalive carries nothing
    REQUIRE(read_wan(octets(made).first(wan_header))->kind == wan_kind::keepalive);
}

TEST_CASE("whatever comes, reading stays within it") {
    std::mt19937 random(1);
    std::size_t accepted = 0;
    for (int i = 0; i < 200'000; ++i) {
        packet bytes(random() % 40);
        for (auto& each : bytes) each = static_cast<std::uint8_t>(random());
        const auto* end = bytes.data() + bytes.size();
        const octets exact(bytes);
        if (const auto read = read_vxlan(exact)) {
            ++accepted;
            REQUIRE(read->vni <= vni_max);
            REQUIRE(read->frame.data() + read->frame.size() == end);
        }
        if (const auto read = read_wan(exact)) {
            ++accepted;
            REQUIRE(read->frame.data() + read->frame.size() == end);
        }
        REQUIRE(read_ethernet(exact).has_value() == (bytes.size() >= frame_min));
    }
    REQUIRE(accepted > 1000);
}

TEST_CASE("MAC addresses are read strictly") {
    REQUIRE(parse_mac("52:54:00:09:00:0b") == 0x52540009000b);
    REQUIRE(parse_mac("FF:ff:ff:FF:ff:ff") == 0xffffffffffff);
    for (const char* text : {"", "52:54:00:09:00", "52:54:00:09:00:0", "52-54-00-09-00-0b",
                             "52:54:00:09:00:0g", "52:54:00:09:00:0b:", "5 :54:00:09:00:0b"})
        REQUIRE_FALSE(parse_mac(text));
    REQUIRE(is_group(0xffffffffffff));
    REQUIRE(is_group(*parse_mac("01:00:5e:00:00:01")));
    REQUIRE_FALSE(is_group(*parse_mac("52:54:00:09:00:0b")));
}
