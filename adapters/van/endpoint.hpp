// endpoint: an IP address and a UDP port, as a value. IPv4 addresses are kept in their IPv6-mapped
// form (RFC 4291, 2.5.5.2), so that both families compare alike.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "events/result.hpp"

namespace caravan::van {

struct endpoint {
    std::array<std::uint8_t, 16> ip{};
    std::uint16_t port = 0;
    bool v4() const noexcept;
    friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

// An IP address, never a name: "10.1.0.11", "fd00::11". Permanent "bad_address".
result<endpoint> parse_address(const std::string& text, std::uint16_t port);
// "198.51.100.1:4790", "[2001:db8::1]:4790"; no name is looked up. Permanent "bad_address".
result<endpoint> parse_endpoint(const std::string& text);
// The same, and "proxy.umea.example:4790" too. Blocks. Transient "name_not_resolved".
result<endpoint> resolve(const std::string& text);

std::string to_text(const endpoint&);

}  // namespace caravan::van

template <>
struct std::hash<caravan::van::endpoint> {
    std::size_t operator()(const caravan::van::endpoint&) const noexcept;
};
