// timers: at most one per stream, the earliest it asked for; replaced, not piled up.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "actors/ports/clock.hpp"

namespace caravan::runtime {

class timers {
  public:
    timers(const port::clock&, std::function<void(const stream_id&)> ring);
    ~timers();
    timers(const timers&) = delete;
    void set(const stream_id&, instant at);
    void cancel(const stream_id&);

  private:
    void run();

    const port::clock& clock_;
    const std::function<void(const stream_id&)> ring_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::pair<instant, stream_id>> due_;
    std::unordered_map<stream_id, instant> of_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace caravan::runtime
