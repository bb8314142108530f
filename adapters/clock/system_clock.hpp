// system_clock: the machine's own time and randomness, for everything that must be handed them.
#pragma once

#include <cstddef>
#include <string>

#include "actors/ports/clock.hpp"

namespace caravan::adapter {

// CLOCK_REALTIME, to the microsecond: it may jump, either way.
class system_clock final : public port::clock {
  public:
    instant now() const noexcept override;
};

// `count` bytes (at most 256) from getrandom(2): salts, ids, epochs. The kernel cannot refuse.
std::string random_bytes(std::size_t count);

}  // namespace caravan::adapter
