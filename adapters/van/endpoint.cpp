#include "adapters/van/endpoint.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace caravan::van {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct host_port {
    std::string host;
    std::uint16_t port = 0;
};

std::optional<host_port> split(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return std::nullopt;
    host_port parts{text.substr(0, colon)};
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + colon + 1, end, parts.port);
    if (read.ec != std::errc{} || read.ptr != end || parts.port == 0) return std::nullopt;
    const bool bracketed = parts.host.front() == '[' && parts.host.back() == ']';
    if (bracketed) parts.host = parts.host.substr(1, parts.host.size() - 2);
    // "fd00::1:80" could be read two ways: IPv6 is written in brackets.
    if (!bracketed && parts.host.find(':') != std::string::npos) return std::nullopt;
    return parts;
}

}  // namespace

bool endpoint::v4() const noexcept {
    return std::equal(v4_prefix.begin(), v4_prefix.end(), ip.begin());
}

result<endpoint> parse_address(const std::string& text, std::uint16_t port) {
    endpoint made{{}, port};
    if (inet_pton(AF_INET6, text.c_str(), made.ip.data()) == 1) return made;
    std::copy(v4_prefix.begin(), v4_prefix.end(), made.ip.begin());
    if (inet_pton(AF_INET, text.c_str(), made.ip.data() + v4_prefix.size()) == 1) return made;
    return permanent("bad_address", "\"" + text + "\" is not an IP address");
}

result<endpoint> parse_endpoint(const std::string& text) {
    const auto parts = split(text);
    if (!parts) return permanent("bad_address", "\"" + text + "\" is not ADDRESS:PORT");
    return parse_address(parts->host, parts->port);
}

result<endpoint> resolve(const std::string& text) {
    const auto parts = split(text);
    if (!parts) return permanent("bad_address", "\"" + text + "\" is not HOST:PORT");
    if (auto numeric = parse_address(parts->host, parts->port)) return numeric;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    if (const int error = getaddrinfo(parts->host.c_str(), nullptr, &wanted, &list); error != 0)
        return transient("name_not_resolved", parts->host + ": " + gai_strerror(error));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> keep(list, freeaddrinfo);
    endpoint made{{}, parts->port};
    if (list->ai_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, list->ai_addr, sizeof address);
        std::memcpy(made.ip.data(), &address.sin6_addr, made.ip.size());
        return made;
    }
    sockaddr_in address{};
    std::memcpy(&address, list->ai_addr, sizeof address);
    std::copy(v4_prefix.begin(), v4_prefix.end(), made.ip.begin());
    std::memcpy(made.ip.data() + v4_prefix.size(), &address.sin_addr, 4);
    return made;
}

std::string to_text(const endpoint& at) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = at.v4();
    inet_ntop(v4 ? AF_INET : AF_INET6, at.ip.data() + (v4 ? v4_prefix.size() : 0), text.data(),
              text.size());
    const std::string host = text.data();
    return (v4 ? host : "[" + host + "]") + ":" + std::to_string(at.port);
}

}  // namespace caravan::van

std::size_t std::hash<caravan::van::endpoint>::operator()(
    const caravan::van::endpoint& at) const noexcept {
    const std::string_view ip(reinterpret_cast<const char*>(at.ip.data()), at.ip.size());
    return std::hash<std::string_view>{}(ip) ^ at.port;
}
