#include "adapters/http/cloud_event.hpp"

#include <algorithm>

#include "adapters/http/query.hpp"
#include "events/json.hpp"

namespace caravan::http {

namespace {

bool attribute_name(std::string_view name) {
    return !name.empty() && name != "data" && name != "datacontenttype" &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
           });
}

bool json_type(std::string_view type) {
    type = type.substr(0, type.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    return type.empty() || type == "application/json" || type.ends_with("+json");
}

}  // namespace

result<std::string> from_binary(const std::vector<header>& headers, std::string_view content_type,
                                std::string_view body) {
    if (!json_type(content_type))
        return permanent("unsupported_media_type", "an event's data is JSON: Content-Type application/json");
    std::string text;
    json_out out(text);
    out.begin_object();
    for (const auto& [name, value] : headers) {
        if (!name.starts_with("ce-")) continue;
        const auto attribute = std::string_view(name).substr(3);
        const auto decoded = percent_decoded(value);
        if (!attribute_name(attribute) || !decoded)
            return permanent("malformed", "header " + name + " is no CloudEvents attribute");
        out.key(attribute);
        out.value(std::string_view(*decoded));
    }
    if (!body.empty()) {
        const auto data = json_document::parse(body);
        if (!data) return permanent("malformed", "the body is not JSON: " + data.error().detail);
        out.key("datacontenttype");
        out.value(std::string_view("application/json"));
        out.key("data");
        out.raw(data->root().dump());
    }
    out.end_object();
    return text;
}

result<std::vector<std::string>> from_batch(std::string_view body, std::size_t events_max) {
    const auto parsed = json_document::parse(body, body.size());
    if (!parsed) return tl::unexpected(parsed.error());
    if (parsed->root().what() != json_value::kind::array)
        return permanent("malformed", "a batch is a JSON array of events");
    const auto items = parsed->root().items();
    if (items.size() > events_max)
        return permanent("batch_too_long", "a batch holds at most " + std::to_string(events_max) +
                                               " events: send a stream (application/x-ndjson)");
    std::vector<std::string> events;
    events.reserve(items.size());
    for (const auto& item : items) events.push_back(item.dump());
    return events;
}

int http_status(std::string_view receipt) {
    const auto parsed = json_document::parse(receipt);
    if (!parsed) return 500;
    const auto text = [&](std::string_view key) {
        const auto found = parsed->root().at(key);
        return std::string(found ? found->as_text().value_or("") : "");
    };
    const auto status = text("status");
    if (status == "accepted") return 202;
    if (status == "duplicate") return 200;
    if (status == "malformed") return 400;
    const auto reason = text("reason");
    if (reason == "role_too_low") return 403;
    if (reason.starts_with("journal_")) return 503;  // not of the wish: try again once it is mended
    return reason.starts_with("no_such_") ? 404 : 409;
}

}  // namespace caravan::http
