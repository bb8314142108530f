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
};

result<query> parse_target(std::string_view target);  // permanent "bad_target"

std::optional<std::string> percent_decoded(std::string_view);

}  // namespace caravan::http
