// json: the canonical JSON of described structs. Fields in the order of describe(), no white space,
// UTF-8; counters and byte counts as integers, instants as RFC 3339 UTC with microseconds, durations
// as integer microseconds, enums by name. Writing is total. Reading ignores unknown fields, keeps the
// default of missing ones (that is how schemas grow), and answers everything else with an error:
// permanent "malformed", its detail a byte offset (bad JSON) or a JSON pointer (bad content).
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/describe.hpp"
#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan {

// Which fields of a struct are meant. It holds for what is nested too: under a shared field, `shared`
// writes only what is shared of it, and what is inside of it is not kept. An inside field is whole.
enum class part : std::uint8_t { all, shared, inside };

std::string format_instant(instant);                       // "2026-11-22T10:00:00.000000Z"
std::optional<instant> parse_instant(std::string_view);    // RFC 3339, any offset, up to 9 digits

// Names of an enum's values, in order, found by argument-dependent lookup: names_of(E{}).
template <class E>
concept named_enum = std::is_enum_v<E> && requires(E e) { names_of(e); };

template <named_enum E>
std::string_view to_text(E value) noexcept {
    return names_of(value)[static_cast<std::size_t>(value)];
}
template <named_enum E>
std::optional<E> from_text(std::string_view text) noexcept {
    const auto& names = names_of(E{});
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<E>(i);
    return std::nullopt;
}

// Appends JSON to a string.
class json_out {
  public:
    explicit json_out(std::string& to) : to_(to) {}
    void begin_object() { separate(); to_ += '{'; first_ = true; }
    void end_object() { to_ += '}'; first_ = false; }
    void begin_array() { separate(); to_ += '['; first_ = true; }
    void end_array() { to_ += ']'; first_ = false; }
    void key(std::string_view name);
    void raw(std::string_view json) { separate(); to_ += json; }  // already canonical JSON
    void value(std::string_view text);
    void value(bool b) { separate(); to_ += b ? "true" : "false"; }
    void value(std::int64_t);
    void value(std::uint64_t);

  private:
    void separate() { if (!first_) to_ += ','; first_ = false; }
    std::string& to_;
    bool first_ = true;
};

// A value inside a parsed document; valid as long as the document.
class json_value {
  public:
    enum class kind : std::uint8_t { null, boolean, number, text, array, object };
    kind what() const;
    std::optional<bool> as_bool() const;
    std::optional<std::int64_t> as_int() const;
    std::optional<std::uint64_t> as_uint() const;
    std::optional<double> as_double() const;
    std::optional<std::string_view> as_text() const;
    std::optional<json_value> at(std::string_view key) const;
    std::vector<json_value> items() const;  // of an array; empty otherwise
    std::vector<std::pair<std::string_view, json_value>> members() const;
    std::string dump() const;  // minified

  private:
    friend class json_document;
    const void* document_ = nullptr;  // simdjson's element, kept out of this header
    std::size_t index_ = 0;
};

class json_document {
  public:
    static result<json_document> parse(std::string_view text, std::size_t size_max = 4u << 20);
    json_value root() const noexcept { return root_; }
    json_document(json_document&&) noexcept;
    json_document& operator=(json_document&&) noexcept;
    ~json_document();

  private:
    struct body;
    json_document();
    std::unique_ptr<body> body_;
    json_value root_;
};

// ---- writing

template <class T>
void write_json(json_out& out, const T& x, part which = part::all);

class field_writer {
  public:
    field_writer(json_out& out, part which) : out_(out), which_(which) {}
    template <class T>
    void field(const char* name, T& x, const char*) { if (which_ != part::inside) put(name, x, which_); }
    template <class T>
    void inside(const char* name, T& x, const char*) { if (which_ != part::shared) put(name, x, part::all); }
    bool any() const noexcept { return any_; }

  private:
    template <class T>
    void put(const char* name, T& x, part which) {
        any_ = true;
        out_.key(name);
        write_json(out_, x, which);
    }
    json_out& out_;
    part which_;
    bool any_ = false;
};

template <class T>
struct is_name : std::false_type {};
template <class Tag>
struct is_name<name<Tag>> : std::true_type {};
template <class T>
struct is_counter : std::false_type {};
template <class Tag>
struct is_counter<counter<Tag>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

template <class T>
void write_json(json_out& out, const T& x, [[maybe_unused]] part which) {
    if constexpr (is_name<T>::value) {
        out.value(std::string_view(x.text));
    } else if constexpr (is_counter<T>::value) {
        out.value(x.value);
    } else if constexpr (std::is_same_v<T, instant>) {
        out.value(std::string_view(format_instant(x)));
    } else if constexpr (std::is_same_v<T, duration>) {
        out.value(std::int64_t{x.count()});
    } else if constexpr (named_enum<T>) {
        out.value(to_text(x));
    } else if constexpr (std::is_same_v<T, bool>) {
        out.value(x);
    } else if constexpr (std::is_integral_v<T>) {
        out.value(std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>{x});
    } else if constexpr (is_vector<T>::value) {
        out.begin_array();
        for (const auto& item : x) write_json(out, item, which);
        out.end_array();
    } else if constexpr (described<T>) {
        out.begin_object();
        field_writer writer(out, which);
        describe(writer, as_mutable(x));
        out.end_object();
    } else {
        out.value(std::string_view(x));
    }
}

template <described T>
std::string to_json(const T& x, part which = part::all) {
    std::string text;
    json_out out(text);
    out.begin_object();
    field_writer writer(out, which);
    describe(writer, as_mutable(x));
    out.end_object();
    return which == part::inside && !writer.any() ? std::string() : text;
}

// ---- reading

// Where a reader is; put into words only if something is wrong there.
struct json_place {
    const json_place* above = nullptr;
    const char* field = nullptr;  // or, if null, an item:
    std::size_t item = 0;
    static std::string pointer(const json_place* where) {
        if (!where) return {};
        return pointer(where->above) + '/' + (where->field ? where->field : std::to_string(where->item));
    }
};

class field_reader {
  public:
    field_reader(json_value object, const json_place* where, std::string& error)
        : object_(object), where_(where), error_(error) {}
    template <class T>
    void field(const char* name, T& x, const char*) {
        if (!error_.empty()) return;
        const json_place here{where_, name};
        if (auto value = object_.at(name)) read(*value, x, &here, error_);
    }
    template <class T>
    void inside(const char* name, T& x, const char* text) { field(name, x, text); }

    template <class T>
    static void read(const json_value& v, T& x, const json_place* where, std::string& error) {
        const auto take = [&](auto optional, auto&& store, const char* wanted) {
            if (optional) store(*optional);
            else error = wants(where, wanted);
        };
        if constexpr (is_name<T>::value) {
            take(v.as_text(), [&](auto t) { x.text = t; }, "a string");
        } else if constexpr (is_counter<T>::value) {
            take(v.as_uint(), [&](auto n) { x.value = n; }, "a whole number");
        } else if constexpr (std::is_same_v<T, instant>) {
            const auto text = v.as_text();
            take(text ? parse_instant(*text) : std::nullopt, [&](auto t) { x = t; }, "an RFC 3339 time");
        } else if constexpr (std::is_same_v<T, duration>) {
            take(v.as_int(), [&](auto n) { x = duration(n); }, "whole microseconds");
        } else if constexpr (named_enum<T>) {
            const auto text = v.as_text();
            take(text ? from_text<T>(*text) : std::nullopt, [&](auto e) { x = e; }, "one of its names");
        } else if constexpr (std::is_same_v<T, bool>) {
            take(v.as_bool(), [&](auto b) { x = b; }, "true or false");
        } else if constexpr (std::is_integral_v<T>) {
            read_integer(v, x, where, error);
        } else if constexpr (is_vector<T>::value) {
            read_vector(v, x, where, error);
        } else if constexpr (described<T>) {
            if (v.what() != json_value::kind::object) error = wants(where, "an object");
            field_reader reader(v, where, error);
            if (error.empty()) describe(reader, x);
        } else {
            take(v.as_text(), [&](auto t) { x = T(t); }, "a string");
        }
    }

  private:
    static std::string wants(const json_place* where, const char* what) {
        return json_place::pointer(where) + ": wants " + what;
    }
    template <class T>
    static void read_integer(const json_value& v, T& x, const json_place* where, std::string& error) {
        using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
        std::optional<wide> n;
        if constexpr (std::is_signed_v<T>) n = v.as_int();
        else n = v.as_uint();
        if (n && static_cast<wide>(static_cast<T>(*n)) == *n) x = static_cast<T>(*n);
        else error = wants(where, "a whole number in range");
    }
    template <class T>
    static void read_vector(const json_value& v, T& x, const json_place* where, std::string& error) {
        if (v.what() != json_value::kind::array) error = wants(where, "an array");
        x.clear();
        for (const auto& item : v.items()) {
            if (!error.empty()) return;
            const json_place here{where, nullptr, x.size()};
            read(item, x.emplace_back(), &here, error);
        }
    }
    json_value object_;
    const json_place* where_;
    std::string& error_;
};

template <described T>
result<T> from_json(const json_value& value) {
    T x{};
    std::string error;
    field_reader::read(value, x, nullptr, error);
    if (!error.empty()) return permanent("malformed", error);
    return x;
}

template <described T>
result<T> from_json(std::string_view text) {
    auto document = json_document::parse(text);
    if (!document) return tl::unexpected(document.error());
    return from_json<T>(document->root());
}

}  // namespace caravan
