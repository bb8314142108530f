#include "events/json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace caravan {

namespace {

using element = simdjson::dom::element;

// Two digits at a time: this runs once per event.
void put_digits(char* at, unsigned value, int digits) {
    while (digits-- > 0) {
        at[digits] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

bool take_digits(std::string_view& text, std::size_t count, int& value) {
    if (text.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || (text.front() | 0x20) != (c | 0x20)) return false;
    text.remove_prefix(1);
    return true;
}

bool take_fraction(std::string_view& text, std::int64_t& micros) {
    if (!take(text, '.')) return true;
    std::int64_t scale = 100'000;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
        micros += scale * (text.front() - '0');
        scale /= 10;
        ++digits;
    }
    return digits >= 1 && digits <= 9;
}

bool take_offset(std::string_view& text, std::chrono::minutes& offset) {
    if (take(text, 'Z')) return true;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
    const int sign = text.front() == '+' ? 1 : -1;
    text.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (!take_digits(text, 2, hours) || !take(text, ':') || !take_digits(text, 2, minutes)) return false;
    if (hours > 23 || minutes > 59) return false;
    offset = std::chrono::minutes(sign * (hours * 60 + minutes));
    return true;
}

}  // namespace

std::string format_instant(instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const auto rest = static_cast<std::uint64_t>((at - day).count());
    const auto seconds = static_cast<unsigned>(rest / 1'000'000);
    std::string text = "0000-00-00T00:00:00.000000Z";
    put_digits(&text[0], static_cast<unsigned>(static_cast<int>(date.year())), 4);
    put_digits(&text[5], static_cast<unsigned>(date.month()), 2);
    put_digits(&text[8], static_cast<unsigned>(date.day()), 2);
    put_digits(&text[11], seconds / 3600, 2);
    put_digits(&text[14], seconds / 60 % 60, 2);
    put_digits(&text[17], seconds % 60, 2);
    put_digits(&text[20], static_cast<unsigned>(rest % 1'000'000), 6);
    return text;
}

std::optional<instant> parse_instant(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::int64_t micros = 0;
    std::chrono::minutes offset{};
    const bool shaped = take_digits(text, 4, year) && take(text, '-') && take_digits(text, 2, month) &&
                        take(text, '-') && take_digits(text, 2, day) && take(text, 'T') &&
                        take_digits(text, 2, hour) && take(text, ':') && take_digits(text, 2, minute) &&
                        take(text, ':') && take_digits(text, 2, second) && take_fraction(text, micros) &&
                        take_offset(text, offset) && text.empty();
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                           std::chrono::day(unsigned(day))};
    if (!shaped || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const instant at = instant(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
                       std::chrono::minutes(minute) + std::chrono::seconds(second) + duration(micros) - offset;
    const bool writable = at >= std::chrono::sys_days(std::chrono::year(0) / 1 / 1) &&
                          at < std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
    return writable ? std::optional(at) : std::nullopt;
}

// ---- writing

void json_out::key(std::string_view name) {
    separate();
    to_ += '"';
    to_ += name;
    to_ += "\":";
    first_ = true;
}

namespace {

std::size_t length_of(char first) {
    const auto c = static_cast<unsigned char>(first);
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

// A broken byte becomes U+FFFD: what is written can always be read again, whoever wrote the text.
std::string mended(std::string_view text) {
    std::string good;
    while (!text.empty()) {
        std::size_t n = std::min<std::size_t>(text.size(), 4);
        while (n > 0 && !(simdjson::validate_utf8(text.data(), n) && length_of(text.front()) == n)) --n;
        if (n == 0) good += "\xEF\xBF\xBD";
        good.append(text, 0, n);
        text.remove_prefix(std::max<std::size_t>(n, 1));
    }
    return good;
}

}  // namespace

void json_out::value(std::string_view text) {
    if (!simdjson::validate_utf8(text.data(), text.size())) return value(std::string_view(mended(text)));
    separate();
    to_ += '"';
    std::size_t clean = 0;  // start of the run that needs no escape
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        to_.append(text, clean, i - clean);
        clean = i + 1;
        if (c == '"' || c == '\\') {
            to_ += '\\';
            to_ += text[i];
        } else if (c == '\n') {
            to_ += "\\n";
        } else {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
            to_ += escaped;
        }
    }
    to_.append(text, clean);
    to_ += '"';
}

void json_out::value(std::int64_t n) {
    separate();
    char digits[24];
    to_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

void json_out::value(std::uint64_t n) {
    separate();
    char digits[24];
    to_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

// ---- reading

struct json_document::body {
    simdjson::dom::document document;
};

namespace {

static_assert(sizeof(element) == 2 * sizeof(void*) && std::is_trivially_copyable_v<element>);

struct parts {
    const void* document;
    std::size_t index;
};
element whole(const void* document, std::size_t index) {
    return std::bit_cast<element>(parts{document, index});
}

// simdjson does not say where; rapidjson does, and is asked only then.
std::string where_malformed(std::string_view text) {
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::BaseReaderHandler<> nothing;
    rapidjson::Reader reader;
    const auto end = reader.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
        stream, nothing);
    if (!end.IsError()) return "not JSON";
    return "byte " + std::to_string(end.Offset()) + ": " + rapidjson::GetParseError_En(end.Code());
}

template <class T, class R>
std::optional<T> optional_of(simdjson::simdjson_result<R> r) {
    return r.error() ? std::nullopt : std::optional<T>(T(r.value_unsafe()));
}

}  // namespace

json_document::json_document() : body_(std::make_unique<body>()) {}
json_document::json_document(json_document&&) noexcept = default;
json_document& json_document::operator=(json_document&&) noexcept = default;
json_document::~json_document() = default;

result<json_document> json_document::parse(std::string_view text, std::size_t size_max) {
    if (text.size() > size_max)
        return permanent("malformed", "longer than " + std::to_string(size_max) + " bytes");
    thread_local simdjson::dom::parser parser;
    json_document parsed;
    const auto root = parser.parse_into_document(parsed.body_->document, text.data(), text.size());
    if (root.error()) return permanent("malformed", where_malformed(text));
    const auto pieces = std::bit_cast<parts>(root.value_unsafe());
    parsed.root_.document_ = pieces.document;
    parsed.root_.index_ = pieces.index;
    return parsed;
}

json_value::kind json_value::what() const {
    switch (whole(document_, index_).type()) {
        case simdjson::dom::element_type::ARRAY: return kind::array;
        case simdjson::dom::element_type::OBJECT: return kind::object;
        case simdjson::dom::element_type::STRING: return kind::text;
        case simdjson::dom::element_type::BOOL: return kind::boolean;
        case simdjson::dom::element_type::NULL_VALUE: return kind::null;
        default: return kind::number;
    }
}

std::optional<bool> json_value::as_bool() const {
    return optional_of<bool>(whole(document_, index_).get_bool());
}
std::optional<std::int64_t> json_value::as_int() const {
    return optional_of<std::int64_t>(whole(document_, index_).get_int64());
}
std::optional<std::uint64_t> json_value::as_uint() const {
    return optional_of<std::uint64_t>(whole(document_, index_).get_uint64());
}
std::optional<double> json_value::as_double() const {
    return optional_of<double>(whole(document_, index_).get_double());
}
std::optional<std::string_view> json_value::as_text() const {
    return optional_of<std::string_view>(whole(document_, index_).get_string());
}

std::optional<json_value> json_value::at(std::string_view key) const {
    auto found = whole(document_, index_).at_key(key);
    if (found.error()) return std::nullopt;
    const auto pieces = std::bit_cast<parts>(found.value_unsafe());
    json_value value;
    value.document_ = pieces.document;
    value.index_ = pieces.index;
    return value;
}

std::vector<json_value> json_value::items() const {
    std::vector<json_value> all;
    const auto array = whole(document_, index_).get_array();
    if (array.error()) return all;
    for (const element item : array.value_unsafe()) {
        const auto pieces = std::bit_cast<parts>(item);
        all.emplace_back();
        all.back().document_ = pieces.document;
        all.back().index_ = pieces.index;
    }
    return all;
}

std::vector<std::pair<std::string_view, json_value>> json_value::members() const {
    std::vector<std::pair<std::string_view, json_value>> all;
    const auto object = whole(document_, index_).get_object();
    if (object.error()) return all;
    for (const auto& [key, item] : object.value_unsafe()) {
        const auto pieces = std::bit_cast<parts>(item);
        auto& member = all.emplace_back(key, json_value{});
        member.second.document_ = pieces.document;
        member.second.index_ = pieces.index;
    }
    return all;
}

std::string json_value::dump() const { return simdjson::minify(whole(document_, index_)); }

}  // namespace caravan
