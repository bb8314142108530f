// frame: the bytes that carry a guest's Ethernet frame: VXLAN (RFC 7348, section 5) towards own
// hosts, and four bytes of our own inside DTLS towards other sites. Pure; what is malformed is
// answered by nothing.
//
// Why guests have an MTU of 1370, on a WAN of 1500:
//     1500 − 20 IPv4 − 8 UDP − 37 DTLS 1.2 record (13 header, 8 nonce, 16 tag; RFC 5288) − 4 own
//     header − 14 inner Ethernet = 1417; of these are kept 20 for an IPv6 WAN, 8 for PPPoE and 4
//     for an inner VLAN tag, which leaves 1385; the last 15 are for what a provider adds unasked.
//     (On the site VXLAN takes 50 of 1500, so 1450 would pass.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace caravan::van {

inline constexpr std::size_t guest_mtu = 1370;                // bytes of IP packet
inline constexpr std::size_t frame_max = guest_mtu + 14 + 4;  // with Ethernet header and VLAN tag
inline constexpr std::size_t frame_min = 14;                  // taps do not pad
inline constexpr std::size_t vxlan_header = 8;
inline constexpr std::size_t wan_header = 4;
inline constexpr std::uint32_t vni_max = 0xffffff;

using octets = std::span<const std::uint8_t>;

// A MAC address in the low 48 bits.
using mac_address = std::uint64_t;
inline constexpr bool is_group(mac_address mac) noexcept {
    return (mac >> 40 & 1) != 0;
}
std::optional<mac_address> parse_mac(const std::string& text) noexcept;  // "52:54:00:09:00:0b"

struct ethernet {
    mac_address to = 0, from = 0;
};
// Nothing if it is shorter than a header.
std::optional<ethernet> read_ethernet(octets frame) noexcept;

// What a datagram from a host or a site holds. Sizes of frames are for the caller to judge.
enum class wan_kind : std::uint8_t {
    frame = 0x10,      // version 1
    keepalive = 0x11,  // no VNI, no frame: only says that the sender is there
};
struct vxlan_packet {
    std::uint32_t vni = 0;
    octets frame;
};
struct wan_packet {
    wan_kind kind = wan_kind::frame;
    std::uint32_t vni = 0;
    octets frame;
};
// Nothing if the I flag is not set or it is short. Reserved bits are ignored, as RFC 7348 wants.
std::optional<vxlan_packet> read_vxlan(octets datagram) noexcept;
std::optional<wan_packet> read_wan(octets plain) noexcept;

void write_vxlan(std::uint32_t vni, std::span<std::uint8_t, vxlan_header> out) noexcept;
void write_wan(wan_kind kind, std::uint32_t vni, std::span<std::uint8_t, wan_header> out) noexcept;

}  // namespace caravan::van
