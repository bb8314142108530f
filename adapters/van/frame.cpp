#include "adapters/van/frame.hpp"

#include <algorithm>
#include <charconv>

namespace caravan::van {
namespace {

constexpr std::uint8_t vni_is_valid = 0x08;  // the I flag

std::uint32_t read_24(octets at) noexcept {
    return static_cast<std::uint32_t>(at[0] << 16 | at[1] << 8 | at[2]);
}

void write_24(std::uint32_t value, std::uint8_t* out) noexcept {
    out[0] = static_cast<std::uint8_t>(value >> 16);
    out[1] = static_cast<std::uint8_t>(value >> 8);
    out[2] = static_cast<std::uint8_t>(value);
}

mac_address read_mac(octets at) noexcept {
    mac_address mac = 0;
    for (const auto octet : at.first(6)) mac = mac << 8 | octet;
    return mac;
}

}  // namespace

std::optional<mac_address> parse_mac(const std::string& text) noexcept {
    if (text.size() != 17) return std::nullopt;
    mac_address mac = 0;
    for (std::size_t i = 0; i < 17; i += 3) {
        std::uint8_t octet = 0;
        const auto* digits = text.data() + i;
        const auto read = std::from_chars(digits, digits + 2, octet, 16);
        if (read.ec != std::errc{} || read.ptr != digits + 2) return std::nullopt;
        if (i + 2 < 17 && text[i + 2] != ':') return std::nullopt;
        mac = mac << 8 | octet;
    }
    return mac;
}

std::optional<ethernet> read_ethernet(octets frame) noexcept {
    if (frame.size() < frame_min) return std::nullopt;
    return ethernet{read_mac(frame), read_mac(frame.subspan(6))};
}

std::optional<vxlan_packet> read_vxlan(octets datagram) noexcept {
    if (datagram.size() < vxlan_header || (datagram[0] & vni_is_valid) == 0) return std::nullopt;
    return vxlan_packet{read_24(datagram.subspan(4)), datagram.subspan(vxlan_header)};
}

std::optional<wan_packet> read_wan(octets plain) noexcept {
    if (plain.size() < wan_header) return std::nullopt;
    const auto kind = static_cast<wan_kind>(plain[0]);
    const bool whole =
        kind == wan_kind::frame || (kind == wan_kind::keepalive && plain.size() == wan_header);
    if (!whole) return std::nullopt;
    return wan_packet{kind, read_24(plain.subspan(1)), plain.subspan(wan_header)};
}

void write_vxlan(std::uint32_t vni, std::span<std::uint8_t, vxlan_header> out) noexcept {
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    out[0] = vni_is_valid;
    write_24(vni, &out[4]);
}

void write_wan(wan_kind kind, std::uint32_t vni, std::span<std::uint8_t, wan_header> out) noexcept {
    out[0] = static_cast<std::uint8_t>(kind);
    write_24(vni, &out[1]);
}

}  // namespace caravan::van
