// process: one life of a controller, an agent or a proxy, simulated: its actors and loops, its clock, its
// chance. A life ends at once, as by SIGKILL: whoever ends it first makes deaf and mute what it holds of
// the world (its journal, its links, its feeds), so that nothing of its tearing down is ever seen.
#pragma once

#include "actors/ports/clock.hpp"
#include "actors/runtime/stepped.hpp"
#include "ops/simulate/agenda.hpp"
#include "ops/simulate/dice.hpp"

namespace caravan::simulate {

// The wall clock of one machine: simulated time, and how far it is off.
class wall_clock final : public port::clock {
  public:
    explicit wall_clock(const agenda& time) : time_(time) {}
    instant now() const noexcept override { return time_.now() + off; }
    duration off{};

  private:
    const agenda& time_;
};

class process {
  public:
    process(agenda& time, dice chance, duration disk_pause = {});
    process(const process&) = delete;

    // Takes one turn of those that are due, whichever its chance says, and is busy with it for a while.
    void step();

    runtime::stepped steps;
    dice chance;
    bool dead = false;
    duration busy_until{};  // time passed, as the agenda counts it
    duration disk_pause;  // what each write to the disk takes beyond the usual

  private:
    duration latency_of(std::string_view loop);

    const agenda& time_;
};

}  // namespace caravan::simulate
