#include "adapters/http/query.hpp"

#include <algorithm>
#include <charconv>

#include "adapters/http/nearest.hpp"

namespace caravan::http {

namespace {

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = text.find(by);
        if (const auto part = text.substr(0, end); !part.empty()) parts.push_back(part);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return parts;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = nibble(text[i + 1]), low = nibble(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

result<query> parse_target(std::string_view target) {
    const auto bad = [] { return permanent("bad_target", "the path is not a well-formed URL path"); };
    const auto mark = target.find('?');
    auto path = percent_decoded(target.substr(0, mark));
    if (!path || path->empty() || path->front() != '/') return bad();
    query out{std::move(*path), {}};
    if (mark == std::string_view::npos) return out;
    for (const auto pair : split(target.substr(mark + 1), '&')) {
        const auto equals = pair.find('=');
        auto name = percent_decoded(pair.substr(0, equals));
        auto value = percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
        if (!name || !value) return bad();
        out.arguments.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

std::string query::text(std::string_view name) const {
    for (auto i = arguments.rbegin(); i != arguments.rend(); ++i)
        if (i->first == name) return i->second;
    return {};
}

std::vector<std::string> query::list(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& [key, value] : arguments)
        if (key == name)
            for (const auto part : split(value, ',')) all.emplace_back(part);
    return all;
}

result<std::optional<std::uint64_t>> query::number(std::string_view name) const {
    const auto digits = text(name);
    if (digits.empty()) return std::nullopt;
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return permanent("bad_argument", std::string(name) + "=" + digits + " is not a whole number");
    return n;
}

result<bool> query::flag(std::string_view name) const {
    const auto word = text(name);
    if (word.empty() || word == "false") return false;
    if (word == "true") return true;
    return permanent("bad_argument", std::string(name) + "=" + word + " is neither true nor false");
}

result<void> query::only(std::string_view known) const {
    std::vector<std::string> names;
    std::string all;
    for (const auto name : split(known, ' ')) {
        names.emplace_back(name);
        all += (all.empty() ? "" : ", ") + names.back();
    }
    for (const auto& [name, value] : arguments) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        const auto near = nearest(name, names);
        return permanent("unknown_parameter",
                         "\"" + name + "\" is no parameter of " + path + ": " +
                             (near.empty() ? "it knows " + (all.empty() ? "none" : all)
                                           : "did you mean \"" + near + "\"?"));
    }
    return {};
}

}  // namespace caravan::http
