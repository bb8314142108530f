#include "actors/runtime/loop.hpp"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace caravan::runtime {

namespace {

class thread_loop final : public loop {
  public:
    thread_loop(const char* name, turn t) : turn_(std::move(t)), thread_([this] { run(); }) {
        ::pthread_setname_np(thread_.native_handle(), name);  // for top(1), gdb(1) and perf(1)
    }
    ~thread_loop() override { stop(); }

    void wake() override {
        {
            const std::lock_guard lock(mutex_);
            if (woken_) return;
            woken_ = true;
        }
        changed_.notify_one();
    }
    void stop() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

  private:
    void run() {
        for (;;) {
            const auto wait = turn_();
            std::unique_lock lock(mutex_);
            const auto due = [this] { return woken_ || stopping_; };
            if (!wait) changed_.wait(lock, due);
            else if (*wait > duration::zero()) changed_.wait_for(lock, *wait, due);
            if (stopping_) return;
            woken_ = false;
        }
    }

    const turn turn_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false, stopping_ = false;
    std::thread thread_;
};

class thread_loops final : public loops {
    std::unique_ptr<loop> start(const char* name, turn t) override {
        return std::make_unique<thread_loop>(name, std::move(t));
    }
};

}  // namespace

loops& threads() {
    static thread_loops all;
    return all;
}

}  // namespace caravan::runtime
