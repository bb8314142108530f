// workers: threads for calls that block, so that no actor ever does.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace caravan::runtime {

class workers {
  public:
    explicit workers(std::size_t threads) {
        for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    ~workers() { stop(); }
    workers(const workers&) = delete;

    void stop() {  // waits for what has begun; what has not is dropped
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        more_.notify_all();
        for (auto& t : threads_) t.join();
        threads_.clear();
    }

    void post(std::function<void()> work) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            queue_.push_back(std::move(work));
        }
        more_.notify_one();
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            more_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            auto work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            work();
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace caravan::runtime
