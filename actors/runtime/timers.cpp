#include "actors/runtime/timers.hpp"

#include <algorithm>
#include <vector>

namespace caravan::runtime {

timers::timers(loops& home, const port::clock& clock, std::function<void(const stream_id&)> ring)
    : clock_(clock), ring_(std::move(ring)), loop_(home.start("timers", [this] { return look(); })) {}

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
    if (first) loop_->wake();
}

void timers::cancel(const stream_id& stream) {
    const std::lock_guard lock(mutex_);
    const auto known = of_.find(stream);
    if (known == of_.end()) return;
    due_.erase({known->second, stream});
    of_.erase(known);
}

std::optional<duration> timers::look() {
    // The wall clock may jump: look again at least every second.
    constexpr duration look_again = std::chrono::seconds(1);
    std::vector<stream_id> rung;
    duration wait = look_again;
    {
        const std::lock_guard lock(mutex_);
        const auto now = clock_.now();
        while (!due_.empty() && due_.begin()->first <= now) {
            rung.push_back(due_.begin()->second);
            of_.erase(rung.back());
            due_.erase(due_.begin());
        }
        if (!due_.empty()) wait = std::min(wait, due_.begin()->first - now);
    }
    for (const auto& stream : rung) ring_(stream);
    return wait;
}

}  // namespace caravan::runtime
