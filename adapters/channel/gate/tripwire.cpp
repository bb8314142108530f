#include "adapters/channel/gate/tripwire.hpp"

#include <algorithm>

namespace caravan::gate {
namespace {

constexpr std::size_t marker_size_min = 3;
constexpr std::string_view hex = "0123456789abcdef";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

std::string utf16le(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c;
        out += '\0';
    }
    return out;
}

// "56812d26-a2be-…" → its 16 bytes; empty if it is not a UUID.
std::string uuid_bytes(std::string_view text) {
    std::string digits = lower(text), out;
    std::erase(digits, '-');
    if (digits.size() != 32) return {};
    const auto value = [&](std::size_t i) { return hex.find(digits[i]); };
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        if (value(i) == hex.npos || value(i + 1) == hex.npos) return {};
        out += static_cast<char>(value(i) << 4 | value(i + 1));
    }
    return out;
}

std::string mixed_order(std::string uuid) {
    std::reverse(uuid.begin(), uuid.begin() + 4);
    std::reverse(uuid.begin() + 4, uuid.begin() + 6);
    std::reverse(uuid.begin() + 6, uuid.begin() + 8);
    return uuid;
}

}  // namespace

tripwire::tripwire(const std::vector<std::string>& markers) {
    for (const std::string& marker : markers) {
        if (marker.size() < marker_size_min) continue;
        needles_.push_back({lower(marker), marker, true});
        needles_.push_back({utf16le(lower(marker)), marker, true});
        const auto uuid = uuid_bytes(marker);
        if (uuid.empty()) continue;
        needles_.push_back({uuid, marker, false});
        needles_.push_back({mixed_order(uuid), marker, false});
    }
}

std::optional<std::string> tripwire::find(std::string_view bytes) const {
    const std::string folded = lower(bytes);
    for (const needle& n : needles_) {
        const std::string_view where = n.any_case ? std::string_view(folded) : bytes;
        if (where.find(n.bytes) != where.npos) return n.marker;
    }
    return {};
}

}  // namespace caravan::gate
