#include "ops/caravan/print.hpp"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "ops/caravan/text.hpp"

namespace caravan::ops {

namespace {

bool colour = false;

std::optional<json_value> value_at(const json_value& from, std::string_view path) {
    std::optional<json_value> here = from;
    while (here && !path.empty()) {
        const auto dot = path.find('.');
        here = here->what() == json_value::kind::object ? here->at(path.substr(0, dot)) : std::nullopt;
        path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    }
    return here;
}

std::string plain(const json_value& value) {
    if (value.what() == json_value::kind::null) return {};
    if (const auto text = value.as_text()) return std::string(*text);
    return value.dump();
}

std::string tag_list(const json_value& value) {
    std::vector<std::string> all;
    for (const auto& item : value.items()) {
        const auto named = item.what() == json_value::kind::object ? item.at("name") : std::nullopt;
        all.push_back(plain(named ? *named : item));
    }
    return joined(all, ", ");
}

// "2026-11-22T10:00:00.123456Z" to the second: microseconds are for programs.
std::string moment(const std::string& text) {
    return text.size() > 19 ? text.substr(0, 10) + " " + text.substr(11, 8) + "Z" : text;
}

// The emitter writes a text that reads as a number or a truth as it is: it must be quoted to stay text.
void emit_text(YAML::Emitter& out, const std::string& text) {
    const bool other = json_document::parse(text).has_value();
    if (other) out << YAML::DoubleQuoted;
    out << text;
}

void emit(YAML::Emitter& out, const json_value& value) {
    switch (value.what()) {
        case json_value::kind::object:
            out << YAML::BeginMap;
            for (const auto& [key, inner] : value.members()) {
                out << YAML::Key << std::string(key) << YAML::Value;
                emit(out, inner);
            }
            out << YAML::EndMap;
            break;
        case json_value::kind::array:
            out << YAML::BeginSeq;
            for (const auto& item : value.items()) emit(out, item);
            out << YAML::EndSeq;
            break;
        case json_value::kind::text: emit_text(out, std::string(*value.as_text())); break;
        case json_value::kind::null: out << YAML::Null; break;
        default: out << value.dump();
    }
}

}  // namespace

void allow_colour(bool allowed) {
    const char* off = std::getenv("NO_COLOR");
    colour = allowed && !(off && *off) && on_terminal(STDOUT_FILENO);
}

bool on_terminal(int file) { return ::isatty(file) == 1; }

std::string tinted(const std::string& state, const std::string& shown) {
    static const std::map<std::string, const char*> tints = {
        {"running", "32"}, {"online", "32"}, {"done", "32"},     {"connected", "32"}, {"yes", "32"},
        {"moving", "36"},  {"arriving", "36"}, {"paused", "33"}, {"undone", "31"},  {"refused", "31"},
        {"offline", "31"}, {"no", "31"},     {"silent", "33"}};
    const auto found = tints.find(state);
    if (!colour || found == tints.end()) return shown;
    return "\033[" + std::string(found->second) + "m" + shown + "\033[0m";
}

std::string text_at(const json_value& from, std::string_view path) {
    const auto found = value_at(from, path);
    return found ? plain(*found) : std::string();
}

std::string cell(const json_value& from, const column& shown) {
    const auto found = value_at(from, shown.path);
    if (!found || found->what() == json_value::kind::null) return {};
    const auto number = found->as_double();
    switch (shown.as) {
        case look::size: return number ? size_text(*number) : plain(*found);
        case look::rate: return number ? size_text(*number) + "/s" : plain(*found);
        case look::percent: return number ? std::to_string(int(*number)) + " %" : plain(*found);
        case look::seconds: return number ? seconds_text(*number) : plain(*found);
        case look::millis: return number ? seconds_text(*number / 1000) : plain(*found);
        case look::when: return moment(plain(*found));
        case look::yes_no: return found->as_bool().value_or(false) ? "yes" : "no";
        case look::tags: return tag_list(*found);
        case look::text: break;
    }
    return found->what() == json_value::kind::array ? std::to_string(found->items().size()) : plain(*found);
}

std::string table(const std::vector<json_value>& items, std::span<const column> all, bool wide) {
    std::vector<column> shown;
    std::copy_if(all.begin(), all.end(), std::back_inserter(shown),
                 [&](const column& c) { return wide || !c.wide; });
    std::vector<std::vector<std::string>> rows;
    std::vector<std::size_t> widths;
    for (const auto& c : shown) widths.push_back(columns(c.title));
    for (const auto& item : items) {
        auto& row = rows.emplace_back();
        for (std::size_t i = 0; i < shown.size(); ++i) {
            auto text = cell(item, shown[i]);
            row.push_back(text.empty() ? "-" : std::move(text));
            widths[i] = std::max(widths[i], columns(row.back()));
        }
    }
    std::string out;
    const auto put = [&](std::size_t i, const std::string& text, const std::string& painted) {
        out += painted;
        if (i + 1 < shown.size()) out.append(widths[i] - columns(text) + 2, ' ');
    };
    for (std::size_t i = 0; i < shown.size(); ++i) put(i, shown[i].title, shown[i].title);
    out += '\n';
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) put(i, row[i], tinted(row[i], row[i]));
        out += '\n';
    }
    return out;
}

std::string card(const json_value& of, std::span<const column> all) {
    std::size_t width = 0;
    for (const auto& c : all) width = std::max(width, columns(c.title));
    std::string out;
    for (const auto& c : all) {
        const auto text = cell(of, c);
        if (text.empty()) continue;
        std::string title = c.title;
        std::transform(title.begin(), title.end(), title.begin(),
                       [](char l) { return l >= 'A' && l <= 'Z' ? char(l | 0x20) : l; });
        out += title + std::string(width - columns(title) + 2, ' ') + tinted(text, text) + '\n';
    }
    return out;
}

std::string yaml(const json_value& value) {
    YAML::Emitter out;
    emit(out, value);
    return std::string(out.c_str()) + "\n";
}

int complain(int code, const std::string& what, const std::string& where, const std::string& next) {
    std::fflush(stdout);
    std::fprintf(stderr, "caravan: %s\n", what.c_str());
    if (!where.empty()) std::fprintf(stderr, "  at:  %s\n", where.c_str());
    if (!next.empty()) std::fprintf(stderr, "  try: %s\n", next.c_str());
    return code;
}

}  // namespace caravan::ops
