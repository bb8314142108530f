// stepped: the actors and loops of one process without a thread of their own. Whoever has it takes their
// turns, one at a time, on one thread and in any order: what a simulation runs processes on. A step is
// one message to one actor, or one turn of one loop; within a step nothing else happens.
#pragma once

#include <memory>
#include <vector>

#include "actors/runtime/loop.hpp"

namespace caf {
class actor_system;
}

namespace caravan::runtime {

class stepped final : public loops {
  public:
    struct timing {
        std::function<duration()> now;  // since any beginning; never backwards
        std::function<void(duration, std::function<void()>)> after;  // runs it, between steps, after so long
        // How long a loop of that name takes from being woken until its turn: a disk, a call that blocks.
        std::function<duration(const char* loop)> latency;
    };
    explicit stepped(timing);
    ~stepped() override;  // whoever uses it is gone: drain() was called, no loop is left

    caf::actor_system& actors();
    std::unique_ptr<loop> start(const char* name, turn) override;

    std::size_t ready() const;    // how many different steps could be taken now
    void step(std::size_t which);  // < ready()
    // Lets actors handle what was sent to them until nothing is; loops take no turn.
    void drain();

  private:
    class one;
    struct inside;
    std::shared_ptr<inside> in_;
};

}  // namespace caravan::runtime
