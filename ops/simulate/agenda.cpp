#include "ops/simulate/agenda.hpp"

#include <algorithm>

namespace caravan::simulate {

void agenda::after(duration wait, std::function<void()> what) {
    items_.push_back({now_ + std::max(wait, duration::zero()), ++count_, std::move(what)});
    std::push_heap(items_.begin(), items_.end());
}

sim::timing agenda::timing() {
    return {[this] { return now_; },
            [this](duration wait, std::function<void()> what) { after(wait, std::move(what)); }};
}

std::optional<duration> agenda::next() const noexcept {
    if (items_.empty()) return std::nullopt;
    return std::max(items_.front().when, now_) - origin;
}

void agenda::run_one() {
    std::pop_heap(items_.begin(), items_.end());
    now_ = std::max(now_, items_.back().when);
    const auto what = std::move(items_.back().what);
    items_.pop_back();
    what();
}

}  // namespace caravan::simulate
