#include "adapters/http/limiter.hpp"

#include <algorithm>

namespace caravan::http {

namespace {
constexpr std::size_t names_max = 4096;
}

limiter::bucket& limiter::refilled(const std::string& name, time now) {
    // A bucket that has had two seconds to refill is as good as a new one.
    if (buckets_.size() >= names_max)
        std::erase_if(buckets_, [&](const auto& b) { return now - b.second.seen > std::chrono::seconds(2); });
    auto [found, fresh] = buckets_.try_emplace(name, bucket{2 * rate_, now});
    auto& b = found->second;
    const std::chrono::duration<double> passed = now - b.seen;
    b.left = std::min(2 * rate_, b.left + passed.count() * rate_);
    b.seen = now;
    return b;
}

bool limiter::take(const std::string& name, time now) {
    auto& b = refilled(name, now);
    if (b.left < 1) return false;
    b.left -= 1;
    return true;
}

bool limiter::empty(const std::string& name, time now) { return refilled(name, now).left < 1; }

}  // namespace caravan::http
