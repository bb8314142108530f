// workers: loops for calls that block, so that no actor ever does.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "actors/runtime/loop.hpp"

namespace caravan::runtime {

class workers {
  public:
    workers(loops& home, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) loops_.push_back(home.start("worker", [this] { return work(); }));
    }
    ~workers() { stop(); }
    workers(const workers&) = delete;

    void stop() {  // waits for what has begun; what has not is dropped
        {
            const std::lock_guard lock(mutex_);
            queue_.clear();
            stopping_ = true;
        }
        for (auto& one : loops_) one->stop();
    }

    void post(std::function<void()> work) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            queue_.push_back(std::move(work));
        }
        for (auto& one : loops_) one->wake();  // who comes first takes it
    }

  private:
    std::optional<duration> work() {
        std::function<void()> next;
        {
            const std::lock_guard lock(mutex_);
            if (queue_.empty()) return std::nullopt;
            next = std::move(queue_.front());
            queue_.pop_front();
        }
        next();
        return duration::zero();
    }

    std::mutex mutex_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::unique_ptr<loop>> loops_;
};

}  // namespace caravan::runtime
