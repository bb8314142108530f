// judge: plays any bytes at the gates and says which promise they broke, if any. Used by the fuzzer
// and by the unit tests.
#pragma once

#include <string>
#include <string_view>

namespace scene {

struct judged {
    std::string broken;  // empty: all kept
    unsigned forwarded = 0, refused = 0;
};

// `corpus` is a talk as in tests/unit/gate/scene.hpp. It goes through both gates in a row and
// through each alone, and of everything that comes out is checked: frames of the allow-list only,
// whole, at most 4 MiB, none of our own markers on the wire, and nothing after a refusal.
judged judge(std::string_view corpus);

}  // namespace scene
