// loop: work that gets on turn by turn. In production each loop has a thread of its own that takes its
// turns; a simulation takes them itself, one after another, in the order its seed says.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "events/ids.hpp"

namespace caravan::runtime {

// Does what there is to do, and answers for how long nothing will be unless woken; nothing: for ever.
// Turns of one loop never overlap.
using turn = std::function<std::optional<duration>()>;

class loop {
  public:
    virtual ~loop() = default;  // stops
    // From any thread: a turn is due, also if one is under way.
    virtual void wake() = 0;
    // No turn is under way when it returns, and none comes any more. Not from a turn of this loop.
    virtual void stop() = 0;
};

class loops {
  public:
    virtual ~loops() = default;
    // The first turn is due at once. `name` says what it is for: "ledger".
    virtual std::unique_ptr<loop> start(const char* name, turn) = 0;
};

// A thread for each loop.
loops& threads();

}  // namespace caravan::runtime
