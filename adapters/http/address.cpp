#include "adapters/http/address.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>

namespace caravan::http {

result<address> parse_address(const std::string& text) {
    const auto wrong = [&](const char* why) {
        return permanent("bad_address", "\"" + text + "\" is not host:port: " + why);
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return wrong("there is no port");
    address out;
    out.host = text.substr(0, colon);
    if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']')
        out.host = out.host.substr(1, out.host.size() - 2);
    else if (out.host.find(':') != std::string::npos)
        return wrong("an IPv6 address is written in brackets");
    if (out.host.empty()) return wrong("there is no host");
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, out.port);
    if (first == last || error != std::errc{} || end != last) return wrong("the port is 0 to 65535");
    return out;
}

result<address> parse_listen_address(const std::string& text) {
    auto at = parse_address(text);
    if (!at) return at;
    boost::system::error_code ec;
    boost::asio::ip::make_address(at->host, ec);
    if (ec) return permanent("bad_address", "\"" + at->host + "\" is not an IP address");
    return at;
}

std::string to_text(const address& at) {
    const bool six = at.host.find(':') != std::string::npos;
    return (six ? "[" + at.host + "]" : at.host) + ":" + std::to_string(at.port);
}

}  // namespace caravan::http
