#include "events/envelope.hpp"

namespace caravan {

namespace {

constexpr std::string_view source_prefix = "/clouds/";

template <class T>
void take(const std::optional<T>& from, T& to) {
    if (from) to = *from;
}

void take_text(const json_value& root, std::string_view key, std::string& to) {
    if (const auto v = root.at(key))
        if (const auto text = v->as_text()) to = *text;
}

void take_number(const json_value& root, std::string_view key, std::uint64_t& to) {
    if (const auto v = root.at(key)) take(v->as_uint(), to);
}

}  // namespace

std::string_view subject_of(const stream_id& stream) noexcept {
    const std::string_view text = stream.text;
    const auto slash = text.find('/');
    return slash == text.npos ? text : text.substr(slash + 1);
}

event_bytes encode(const event& e) {
    const auto& type = type_of(e.what);
    event_bytes made;
    made.shared.reserve(512);
    json_out out(made.shared);
    const auto text = [&](std::string_view key, std::string_view value) {
        out.key(key);
        out.value(value);
    };
    const auto number = [&](std::string_view key, std::uint64_t value) {
        out.key(key);
        out.value(value);
    };
    out.begin_object();
    text("specversion", "1.0");
    text("id", std::to_string(e.at.value));
    text("source", std::string(source_prefix) + e.source.text);
    text("type", type.name);
    text("subject", subject_of(e.stream));
    text("time", format_instant(e.time));
    text("datacontenttype", "application/json");
    text("dataschema", "urn:" + std::string(type.name) + ":v" + std::to_string(type.schema));
    number("position", e.at.value);
    text("stream", e.stream.text);
    number("version", e.v.value);
    if (const auto run_right = epoch_of(e.what); run_right.value) number("epoch", run_right.value);
    if (e.causation.value) number("causation", e.causation.value);
    if (!e.saga.empty()) text("saga", e.saga);
    if (!e.audience.empty()) text("audience", e.audience.text);
    if (!e.traceparent.empty()) text("traceparent", e.traceparent);
    out.key("data");
    out.raw(data_of(e.what, part::shared));
    out.end_object();
    made.inside = data_of(e.what, part::inside);
    return made;
}

result<event> decode(std::string_view shared, std::string_view inside) {
    auto document = json_document::parse(shared);
    if (!document) return tl::unexpected(document.error());
    const auto root = document->root();
    if (root.what() != json_value::kind::object) return permanent("malformed", ": wants an object");
    event e;
    std::string type, source, time;
    take_text(root, "type", type);
    take_text(root, "source", source);
    take_text(root, "time", time);
    take_text(root, "stream", e.stream.text);
    take_text(root, "saga", e.saga);
    take_text(root, "audience", e.audience.text);
    take_text(root, "traceparent", e.traceparent);
    take_number(root, "position", e.at.value);
    take_number(root, "version", e.v.value);
    take_number(root, "causation", e.causation.value);
    const auto at = parse_instant(time);
    if (!at) return permanent("malformed", "/time: wants an RFC 3339 time");
    e.time = *at;
    if (!source.starts_with(source_prefix)) return permanent("malformed", "/source: wants /clouds/NAME");
    e.source = cloud_name(source.substr(source_prefix.size()));
    const auto data = root.at("data");
    if (!data) return permanent("malformed", "/data: is missing");
    std::optional<json_document> hidden;
    json_value hidden_root;
    if (!inside.empty()) {
        auto parsed = json_document::parse(inside);
        if (!parsed) return tl::unexpected(parsed.error());
        hidden = std::move(*parsed);
        hidden_root = hidden->root();
    }
    auto what = fact_from(type, *data, hidden ? &hidden_root : nullptr);
    if (!what) return tl::unexpected(what.error());
    e.what = std::move(*what);
    return e;
}

}  // namespace caravan
