// receipt: what a scheduler sends (a CloudEvent), as far as the desk reads it, and what it is answered.
#pragma once

#include <optional>
#include <span>
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

// What an object of data may have. A member that nobody reads would be a wish that nobody meets.
enum class wants : std::uint8_t { text, number, flag };
using member = std::pair<std::string_view, wants>;
// "/NAME: what is wrong with it", of the first member that is not as the list says; nothing if all are.
std::optional<std::string> misfit(const std::optional<json_value>& data, std::span<const member>);

// A member of data that fits; `otherwise`, empty or false if it is not there.
std::uint64_t number_in(const cloud_event&, std::string_view key, std::uint64_t otherwise);
std::string text_in(const cloud_event&, std::string_view key);
bool flag_in(const cloud_event&, std::string_view key);

// JSON, one line. `status`: refused or malformed.
std::string problem_receipt(const cloud_event&, std::string_view status, std::string_view reason,
                            std::string_view detail);
// `status`: accepted or duplicate.
std::string good_receipt(const std::string& source, const std::string& id, std::string_view status, position,
                         const migration_id&);

}  // namespace caravan::runtime
