#include "actors/runtime/receipt.hpp"

#include <algorithm>

namespace caravan::runtime {

std::string problem_receipt(const cloud_event& e, std::string_view status, std::string_view reason,
                            std::string_view detail) {
    std::string text;
    json_out out(text);
    const auto put = [&](std::string_view key, std::string_view value) {
        out.key(key);
        out.value(value);
    };
    out.begin_object();
    put("source", e.source);
    put("id", e.id);
    put("status", status);
    put("reason", reason);
    // "/data/to: wants a cloud's name": where, in RFC 6901's words, is a member too; "" is the whole of it.
    if (status == "malformed") put("pointer", detail.starts_with('/') ? detail.substr(0, detail.find(':')) : std::string_view());
    put("detail", detail);
    out.end_object();
    return text;
}

std::string good_receipt(const std::string& source, const std::string& id, std::string_view status, position at,
                         const migration_id& migration) {
    std::string text;
    json_out out(text);
    out.begin_object();
    out.key("source");
    out.value(std::string_view(source));
    out.key("id");
    out.value(std::string_view(id));
    out.key("status");
    out.value(status);
    out.key("position");
    out.value(at.value);
    if (!migration.empty()) {
        out.key("migration");
        out.value(std::string_view(migration.text));
    }
    out.end_object();
    return text;
}

tl::expected<cloud_event, std::string> read_event(const json_value& root) {
    cloud_event e;
    const std::pair<const char*, std::string*> wanted[] = {
        {"id", &e.id}, {"source", &e.source}, {"type", &e.type}, {"subject", &e.subject}};
    for (const auto& [key, to] : wanted) {
        const auto value = root.at(key);
        const auto text = value ? value->as_text() : std::nullopt;
        const bool optional_one = std::string_view(key) == "subject";
        if (!text && (value || !optional_one)) return tl::unexpected("/" + std::string(key) + ": wants a string");
        if (text && text->size() > 256) return tl::unexpected("/" + std::string(key) + ": longer than 256 bytes");
        if (text) *to = *text;
    }
    const auto spec = root.at("specversion");
    if (!spec || spec->as_text() != "1.0") return tl::unexpected(std::string("/specversion: wants \"1.0\", a string"));
    if (e.id.empty() || e.source.empty()) return tl::unexpected(std::string("/id: must not be empty, nor /source"));
    if (const auto trace = root.at("traceparent"))
        if (const auto text = trace->as_text(); text && text->size() <= 55) e.traceparent = *text;
    e.data = root.at("data");
    return e;
}

std::optional<std::string> misfit(const std::optional<json_value>& data, std::span<const member> known) {
    if (!data) return std::nullopt;
    if (data->what() != json_value::kind::object) return ": wants an object";
    for (const auto& [name, value] : data->members()) {
        const auto at = "/" + std::string(name) + ": ";
        const auto found = std::ranges::find(known, name, &member::first);
        if (found == known.end()) {
            std::string all;
            for (const auto& [other, what] : known) all += (all.empty() ? "" : ", ") + std::string(other);
            return at + (all.empty() ? "wants nothing here" : "is not known here: " + all);
        }
        if (found->second == wants::text && !value.as_text()) return at + "wants a string";
        if (found->second == wants::number && !value.as_uint()) return at + "wants a whole number, 0 or more";
        if (found->second == wants::flag && !value.as_bool()) return at + "wants true or false";
    }
    return std::nullopt;
}

std::uint64_t number_in(const cloud_event& e, std::string_view key, std::uint64_t otherwise) {
    const auto v = e.data ? e.data->at(key) : std::nullopt;
    return v ? v->as_uint().value_or(otherwise) : otherwise;
}
bool flag_in(const cloud_event& e, std::string_view key) {
    const auto v = e.data ? e.data->at(key) : std::nullopt;
    return v && v->as_bool().value_or(false);
}
std::string text_in(const cloud_event& e, std::string_view key) {
    const auto v = e.data ? e.data->at(key) : std::nullopt;
    const auto text = v ? v->as_text() : std::nullopt;
    return text ? std::string(*text) : std::string();
}

}  // namespace caravan::runtime
