#include "adapters/sim/host/nbd.hpp"

namespace caravan::sim::nbd {

namespace {

constexpr std::string_view greeting = "NBDMAGICIHAVEOPT", option = "IHAVEOPT";
constexpr std::uint64_t option_reply = 0x3e889045565a9, request = 0x25609513, simple_reply = 0x67446698;
constexpr std::uint64_t flags = 3;  // fixed newstyle, no zeroes; also the client's
constexpr std::uint64_t has_flags = 1;  // of an export
enum : std::uint64_t { opt_go = 7, rep_ack = 1, rep_info = 3, rep_err_unknown = (1u << 31) + 6, info_export = 0 };
enum : std::uint64_t { cmd_write = 1, cmd_disc = 2, einval = 22 };
constexpr std::size_t payload_max = 4096;

std::string read(line& from, std::size_t size, const patience& p) {
    std::string out(size, '\0');
    return from.read(out, p) ? out : std::string();
}

std::string answer(std::uint64_t what, const std::string& payload) {
    return number(option_reply, 8) + number(opt_go, 4) + number(what, 4) + number(payload.size(), 4) + payload;
}

// Until the export is ours.
bool go(line& to, const std::string& exported, const patience& p) {
    if (read(to, greeting.size() + 2, p) != std::string(greeting) + number(flags, 2)) return false;
    const auto payload = number(exported.size(), 4) + exported + number(0, 2);
    if (!to.write(number(flags, 4) + std::string(option) + number(opt_go, 4) + number(payload.size(), 4) + payload, p))
        return false;
    for (;;) {
        const auto head = read(to, 20, p);
        if (head.empty() || value(std::string_view(head).substr(0, 8)) != option_reply) return false;
        const auto what = value(std::string_view(head).substr(12, 4)), size = value(std::string_view(head).substr(16));
        if (size > payload_max || (size > 0 && read(to, size, p).empty())) return false;
        if (what == rep_ack) return true;
        if (what != rep_info) return false;
    }
}

std::string request_of(std::uint64_t command, bytes offset, std::size_t size) {
    return number(request, 4) + number(0, 2) + number(command, 2) + number(1, 8) + number(offset, 8) + number(size, 4);
}

std::optional<bytes> welcome(line& from, const std::function<std::optional<bytes>(const std::string&)>& open,
                             const patience& p) {
    if (!from.write(std::string(greeting) + number(flags, 2), p) || read(from, 4, p) != number(flags, 4)) return {};
    const auto head = read(from, 16, p);
    const auto size = head.empty() ? 0 : value(std::string_view(head).substr(12));
    const bool ours = head.starts_with(option) && value(std::string_view(head).substr(8, 4)) == opt_go;
    if (!ours || size < 6 || size > payload_max) return {};
    const auto payload = read(from, size, p);
    if (payload.empty()) return {};
    const auto length = value(std::string_view(payload).substr(0, 4));
    const auto found = length <= size - 6 ? open(payload.substr(4, length)) : std::nullopt;
    const auto said = found ? answer(rep_info, number(info_export, 2) + number(*found, 8) + number(has_flags, 2)) +
                                  answer(rep_ack, {})
                            : answer(rep_err_unknown, {});
    return from.write(said, p) ? found : std::nullopt;
}

}  // namespace

std::string number(std::uint64_t x, std::size_t size) {
    std::string out(size, '\0');
    for (; size-- > 0; x >>= 8) out[size] = static_cast<char>(x & 0xff);
    return out;
}
std::uint64_t value(std::string_view bytes) {
    std::uint64_t x = 0;
    for (const char c : bytes) x = x << 8 | static_cast<unsigned char>(c);
    return x;
}

bool send(line& to, const std::string& exported, bytes size, const reader& next, const patience& p) {
    if (!go(to, exported, p)) return false;
    std::string part;
    for (bytes at = 0; at < size; at += part.size()) {
        part.resize(std::min<bytes>(write_max, size - at));
        if (!next(at, part) || !to.write(request_of(cmd_write, at, part.size()), p) || !to.write(part, p)) return false;
        if (read(to, 16, p) != number(simple_reply, 4) + number(0, 4) + number(1, 8)) return false;
    }
    return to.write(request_of(cmd_disc, 0, 0), p);
}

bool serve(line& from, const std::function<std::optional<bytes>(const std::string&)>& open, const writer& put,
           const patience& p) {
    const auto size = welcome(from, open, p);
    if (!size) return false;
    for (std::string part;;) {
        const auto head = read(from, 28, p);
        if (head.empty() || value(std::string_view(head).substr(0, 4)) != request) return false;
        const auto at = [&](std::size_t where, std::size_t length) { return value(std::string_view(head).substr(where, length)); };
        const auto offset = at(16, 8), length = at(24, 4);
        if (at(6, 2) == cmd_disc) return true;
        if (at(6, 2) != cmd_write || length > write_max) return false;
        part.resize(length);
        if (!from.read(part, p)) return false;
        const bool well = offset <= *size && length <= *size - offset && put(offset, part);
        if (!from.write(number(simple_reply, 4) + number(well ? std::uint64_t{0} : einval, 4) + head.substr(8, 8), p)) return false;
    }
}

}  // namespace caravan::sim::nbd
