// clock: the only place that tells the time. Everything pure is handed an instant instead.
#pragma once

#include "events/ids.hpp"

namespace caravan::port {

class clock {
  public:
    virtual ~clock() = default;
    virtual instant now() const noexcept = 0;  // UTC; may jump, either way
};

}  // namespace caravan::port
