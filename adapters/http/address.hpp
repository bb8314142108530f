// address: "host:port" as configuration writes it; "[::1]:8443" for IPv6. The host may be a name where
// one dials, and must be an IP address where one listens. Port 0 listens on one that is free.
#pragma once

#include <cstdint>
#include <string>

#include "events/result.hpp"

namespace caravan::http {

struct address {
    std::string host;
    std::uint16_t port = 0;
    friend bool operator==(const address&, const address&) = default;
};

// Permanent "bad_address" with what is wrong.
result<address> parse_address(const std::string& text);
// The same of an address where one listens: its host is an IP address.
result<address> parse_listen_address(const std::string& text);
std::string to_text(const address&);

}  // namespace caravan::http
