#include "events/ids.hpp"

#include <algorithm>

namespace caravan {

bool valid_name(const std::string& text) noexcept {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= 63 && alphanumeric(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace caravan
