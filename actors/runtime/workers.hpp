// workers: loops for calls that block, so that no actor ever does.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "actors/runtime/loop.hpp"

namespace caravan::runtime {

class workers {
  public:
    workers(loops& home, std::size_t count) : all_(count) {
        for (auto& w : all_) w.turns = home.start("worker", [this, &w] { return work(w); });
    }
    ~workers() { stop(); }
    workers(const workers&) = delete;

    void stop() {  // waits for what has begun; what has not is dropped
        {
            const std::lock_guard lock(mutex_);
            queue_.clear();
            stopping_ = true;
        }
        for (auto& w : all_) w.turns->stop();
    }

    void post(std::function<void()> work) {
        loop* wakes = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            queue_.push_back(std::move(work));
            // Who is at work looks for more before it rests.
            const auto idle = std::find_if(all_.begin(), all_.end(), [](const auto& w) { return w.idle; });
            if (idle == all_.end()) return;
            idle->idle = false;
            wakes = idle->turns.get();
        }
        wakes->wake();
    }

  private:
    struct worker {
        std::unique_ptr<loop> turns;
        bool idle = false;
    };

    std::optional<duration> work(worker& w) {
        std::function<void()> next;
        {
            const std::lock_guard lock(mutex_);
            w.idle = queue_.empty();
            if (w.idle) return std::nullopt;
            next = std::move(queue_.front());
            queue_.pop_front();
        }
        next();
        return duration::zero();
    }

    std::mutex mutex_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<worker> all_;  // never moved: their turns refer to them
};

}  // namespace caravan::runtime
