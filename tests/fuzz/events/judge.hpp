// judge: what must hold for any bytes that are read as an event.
#pragma once

#include <string>

#include "events/envelope.hpp"

namespace caravan::test {

// Empty, or what is wrong: what can be read is written in the canonical form, and that form is stable.
inline std::string judge(const std::string& text) {
    const auto e = decode(text);
    if (!e) return e.error().detail.empty() ? "an error without a place" : "";
    const auto once = encode(*e);
    const auto back = decode(once.shared, once.inside);
    if (!back) return "what was written cannot be read: " + back.error().detail;
    const auto twice = encode(*back);
    return twice.shared == once.shared && twice.inside == once.inside ? "" : "two forms of one event";
}

}  // namespace caravan::test
