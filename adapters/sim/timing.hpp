// timing: how a simulated part lives in time: `now` tells it, `after` runs something later. Driven
// by real threads (timer_thread) or by a simulated clock. What is due at the same instant runs in
// the order in which it was asked for.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/sim/feed.hpp"

namespace caravan::sim {

using timing = feed_timing;

// Real time: one thread that runs what is due. Destroy it, or stop() it, before what it runs.
class timer_thread {
  public:
    timer_thread();
    ~timer_thread() { stop(); }
    timer_thread(const timer_thread&) = delete;
    sim::timing timing();
    void stop();  // waits for what runs; drops what is to come

  private:
    void run();
    void add(duration, std::function<void()>);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> due_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace caravan::sim
