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

void agenda::run_one() {
    std::pop_heap(items_.begin(), items_.end());
    const auto what = std::move(items_.back().what);
    items_.pop_back();
    what();
}

bool agenda::advance() {
    if (items_.empty()) return false;
    now_ = std::max(now_, items_.front().when);
    return true;
}

}  // namespace caravan::simulate
