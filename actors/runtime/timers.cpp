#include "actors/runtime/timers.hpp"

#include <algorithm>
#include <vector>

namespace caravan::runtime {

timers::timers(const port::clock& clock, std::function<void(const stream_id&)> ring)
    : clock_(clock), ring_(std::move(ring)), thread_([this] { run(); }) {}

timers::~timers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void timers::set(const stream_id& stream, instant at) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        auto [known, fresh] = of_.try_emplace(stream, at);
        if (!fresh) {
            if (known->second == at) return;
            due_.erase({known->second, stream});
            known->second = at;
        }
        due_.emplace(at, stream);
        first = due_.begin()->second == stream;
    }
    if (first) changed_.notify_one();
}

void timers::cancel(const stream_id& stream) {
    const std::lock_guard lock(mutex_);
    const auto known = of_.find(stream);
    if (known == of_.end()) return;
    due_.erase({known->second, stream});
    of_.erase(known);
}

void timers::run() {
    // The wall clock may jump: look again at least every second.
    constexpr duration look_again = std::chrono::seconds(1);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto now = clock_.now();
        std::vector<stream_id> rung;
        while (!due_.empty() && due_.begin()->first <= now) {
            rung.push_back(due_.begin()->second);
            of_.erase(rung.back());
            due_.erase(due_.begin());
        }
        if (!rung.empty()) {
            lock.unlock();
            for (const auto& stream : rung) ring_(stream);
            lock.lock();
            continue;
        }
        const auto wait = due_.empty() ? look_again : std::min(look_again, due_.begin()->first - now);
        changed_.wait_for(lock, wait);
    }
}

}  // namespace caravan::runtime
