// receipt: what a scheduler sends (a CloudEvent), as far as the desk reads it, and what it is answered.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "events/ids.hpp"
#include "events/json.hpp"

namespace caravan::runtime {

struct cloud_event {
    std::string id, source, type, subject, traceparent;
    std::optional<json_value> data;  // of the document it was read from
};

// What was sent, or why it is malformed (a JSON pointer).
tl::expected<cloud_event, std::string> read_event(const json_value& root);

// A member of its data; `otherwise` if it is not there, and "/KEY: what it wants" if it is no such number.
tl::expected<std::uint64_t, std::string> number_in(const cloud_event&, std::string_view key, std::uint64_t otherwise);
// A text, empty if it is not there.
std::string text_in(const cloud_event&, std::string_view key);

// JSON, one line. `status`: refused or malformed.
std::string problem_receipt(const cloud_event&, std::string_view status, std::string_view reason,
                            std::string_view detail);
// `status`: accepted or duplicate.
std::string good_receipt(const std::string& source, const std::string& id, std::string_view status, position,
                         const migration_id&);

}  // namespace caravan::runtime
