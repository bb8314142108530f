#include "adapters/channel/preface.hpp"

#include <algorithm>

namespace caravan::channel {
namespace {

constexpr std::string_view magic{"crvn\x01", 5};

void put(std::string& to, std::string_view text, std::size_t width) {
    for (std::size_t n = width; n-- > 0;) to += static_cast<char>(text.size() >> (8 * n) & 0xff);
    to += text;
}

// Cuts the next text off; false if there is less than its length says.
bool cut(std::string_view& from, std::string& to, std::size_t width) {
    if (from.size() < width) return false;
    std::size_t size = 0;
    for (std::size_t n = 0; n < width; ++n) size = size << 8 | static_cast<unsigned char>(from[n]);
    from.remove_prefix(width);
    if (from.size() < size) return false;
    to = from.substr(0, size);
    from.remove_prefix(size);
    return true;
}

}  // namespace

bool valid_migration(const migration_id& id) noexcept {
    const auto fit = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-';
    };
    return !id.empty() && id.text.size() <= 64 && std::all_of(id.text.begin(), id.text.end(), fit);
}

result<std::string> write_preface(const preface& what) {
    std::string body;
    put(body, what.id.text, 1);
    put(body, what.ticket.body, 2);
    put(body, what.ticket.signature, 1);
    if (!valid_migration(what.id) || what.ticket.signature.size() > 255 || body.size() > 0xffff)
        return permanent("malformed", "preface of " + std::to_string(body.size()) + " bytes");
    std::string bytes(magic);
    bytes += static_cast<char>(what.kind);
    put(bytes, body, 2);
    return bytes;
}

result<std::size_t> preface_length(std::string_view head) {
    if (head.size() != preface_head_size || head.substr(0, magic.size()) != magic ||
        static_cast<unsigned char>(head[5]) >= lane_names.size())
        return permanent("malformed", "not a preface");
    return static_cast<std::size_t>(static_cast<unsigned char>(head[6])) << 8 |
           static_cast<unsigned char>(head[7]);
}

result<preface> read_preface(std::string_view head, std::string_view body) {
    const auto length = preface_length(head);
    if (!length || *length != body.size()) return permanent("malformed", "not a preface");
    preface read;
    read.kind = static_cast<lane>(head[5]);
    const bool whole = cut(body, read.id.text, 1) && cut(body, read.ticket.body, 2) &&
                       cut(body, read.ticket.signature, 1) && body.empty();
    if (!whole || !valid_migration(read.id)) return permanent("malformed", "not a preface");
    return read;
}

}  // namespace caravan::channel
