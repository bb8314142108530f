// timers: at most one per stream, the earliest it asked for; replaced, not piled up.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <unordered_map>

#include "actors/ports/clock.hpp"
#include "actors/runtime/loop.hpp"

namespace caravan::runtime {

class timers {
  public:
    timers(loops&, const port::clock&, std::function<void(const stream_id&)> ring);
    timers(const timers&) = delete;
    void set(const stream_id&, instant at);
    void cancel(const stream_id&);

  private:
    std::optional<duration> look();

    const port::clock& clock_;
    const std::function<void(const stream_id&)> ring_;
    std::mutex mutex_;
    std::set<std::pair<instant, stream_id>> due_;
    std::unordered_map<stream_id, instant> of_;
    std::unique_ptr<loop> loop_;
};

}  // namespace caravan::runtime
