// tripwire: the last look at a frame that is about to leave, for any of our own markers. It should
// never fire: everything before it already removes them. If it does, something new leaks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::gate {

class tripwire {
  public:
    // Each marker is looked for as ASCII in any case, as UTF-16LE, and, if it is a UUID, as 16
    // bytes in both byte orders (RFC 4122 and the mixed one of SMBIOS). Markers under 3 characters
    // are not looked for: they are in everything.
    explicit tripwire(const std::vector<std::string>& markers);
    std::optional<std::string> find(std::string_view bytes) const;  // the marker that is in there

  private:
    struct needle {
        std::string bytes, marker;
        bool any_case;
    };
    std::vector<needle> needles_;
};

}  // namespace caravan::gate
