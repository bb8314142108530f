#include "ops/caravan/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "ops/caravan/schema.hpp"

namespace caravan::ops {

std::vector<std::string> split(std::string_view text, char by) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find(by);
        if (const auto part = text.substr(0, end); !part.empty()) parts.emplace_back(part);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return parts;
}

std::string joined(const std::vector<std::string>& parts, std::string_view by) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : std::string(by)) + part;
    return out;
}

std::string quoted(const std::string& text) {
    const bool plain = !text.empty() && text.find_first_of("#{}[]\"'&*!|>%@`,") == std::string::npos &&
                       text.front() != '-' && text.find(": ") == std::string::npos;
    return plain ? text : "'" + text + "'";
}

std::string size_text(double bytes) {
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit < 4; ++unit) bytes /= 1024;
    char out[32];
    std::snprintf(out, sizeof out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

std::string seconds_text(double seconds) {
    char out[48];
    if (seconds < 1)
        std::snprintf(out, sizeof out, "%.0f ms", seconds * 1000);
    else if (seconds < 10)
        std::snprintf(out, sizeof out, "%.1f s", seconds);
    else if (seconds < 60)
        std::snprintf(out, sizeof out, "%.0f s", seconds);
    else if (seconds < 3600)
        std::snprintf(out, sizeof out, "%d min %02d s", int(seconds) / 60, int(seconds) % 60);
    else
        std::snprintf(out, sizeof out, "%d h %02d min", int(seconds) / 3600, int(seconds) / 60 % 60);
    return out;
}

std::size_t columns(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

namespace {

struct quantity {
    double number = 0;
    std::string unit;
};

bool take_quantity(const std::string& text, quantity& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
    out.unit = std::string(end, text.data() + text.size());
    return error == std::errc{} && out.number >= 0 && out.number < 1e15;
}

}  // namespace

result<std::chrono::microseconds> parse_duration(const std::string& text) {
    static const std::map<std::string, double> micros = {
        {"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"min", 6e7}, {"h", 3.6e9}};
    quantity q;
    if (!take_quantity(text, q) || !micros.contains(q.unit) || q.number * micros.at(q.unit) > 9e15)
        return permanent("bad_duration", "\"" + text + "\" is no duration: write 500ms, 7s, 10m or 1h");
    return std::chrono::microseconds(static_cast<std::int64_t>(q.number * micros.at(q.unit)));
}

result<std::uint64_t> parse_rate(const std::string& text) {
    static const std::map<std::string, double> factors = {
        {"B/s", 1},           {"KiB/s", 1024.0},          {"MiB/s", 1048576.0}, {"GiB/s", 1073741824.0},
        {"kB/s", 1e3},        {"MB/s", 1e6},              {"GB/s", 1e9}};
    quantity q;
    if (!take_quantity(text, q) || !factors.contains(q.unit) || q.number * factors.at(q.unit) > 1e18)
        return permanent("bad_rate", "\"" + text + "\" is no rate: write 20MiB/s or 500KiB/s");
    return static_cast<std::uint64_t>(q.number * factors.at(q.unit));
}

}  // namespace caravan::ops
