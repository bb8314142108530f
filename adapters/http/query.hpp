// query: a request's target taken apart: "/v1/events?after=7&follow=true". Percent-decoded; a plus sign
// stays one, because times have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/result.hpp"

namespace caravan::http {

struct query {
    std::string path;
    std::vector<std::pair<std::string, std::string>> arguments;

    std::string text(std::string_view name) const;               // the last one; empty if none
    std::vector<std::string> list(std::string_view name) const;  // comma-separated and repeated
    // Absent: nullopt. Not a number: permanent "bad_argument".
    result<std::optional<std::uint64_t>> number(std::string_view name) const;
    // Absent: false. Neither true nor false: permanent "bad_argument".
    result<bool> flag(std::string_view name) const;
    // Only parameters of the list, "after limit": else permanent "unknown_parameter", with the nearest.
    result<void> only(std::string_view known) const;
};

result<query> parse_target(std::string_view target);  // permanent "bad_target"

std::optional<std::string> percent_decoded(std::string_view);
std::string percent_encoded(std::string_view);  // one segment of a path, or one value

}  // namespace caravan::http
