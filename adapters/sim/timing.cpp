#include "adapters/sim/timing.hpp"

#include <vector>

namespace caravan::sim {

timer_thread::timer_thread() : thread_([this] { run(); }) {}

sim::timing timer_thread::timing() {
    return {[] { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); },
            [this](duration wait, std::function<void()> what) { add(wait, std::move(what)); }};
}

void timer_thread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        due_.clear();
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void timer_thread::add(duration wait, std::function<void()> what) {
    const auto at = std::chrono::steady_clock::now() + wait;
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        const auto place = due_.emplace(at, std::move(what));
        first = place == due_.begin();
    }
    if (first) changed_.notify_one();
}

void timer_thread::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (due_.empty()) {
            changed_.wait(lock);
        } else if (const auto next = due_.begin()->first; next > std::chrono::steady_clock::now()) {
            changed_.wait_until(lock, next);
        } else {
            std::vector<std::function<void()>> rung;
            const auto now = std::chrono::steady_clock::now();
            for (; !due_.empty() && due_.begin()->first <= now; due_.erase(due_.begin()))
                rung.push_back(std::move(due_.begin()->second));
            lock.unlock();
            for (const auto& what : rung) what();
            lock.lock();
        }
    }
}

}  // namespace caravan::sim
