// agenda: simulated time, and what is to happen in it. What is due at the same instant happens in the
// order in which it was asked for.
#pragma once

#include <functional>
#include <vector>

#include "adapters/sim/timing.hpp"

namespace caravan::simulate {

class agenda {
  public:
    agenda() = default;
    agenda(const agenda&) = delete;

    instant now() const noexcept { return now_; }
    duration passed() const noexcept { return now_ - origin; }
    void after(duration wait, std::function<void()> what);
    sim::timing timing();

    bool due() const noexcept { return !items_.empty() && items_.front().when <= now_; }
    void run_one();  // only if something is due
    bool advance();  // lets time pass until something is; false: nothing is to come

    static constexpr instant origin{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)};

  private:
    struct item {
        instant when;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const item& o) const noexcept {  // of a heap: the last comes first
            return when != o.when ? when > o.when : number > o.number;
        }
    };
    std::vector<item> items_;
    std::uint64_t count_ = 0;
    instant now_ = origin;
};

}  // namespace caravan::simulate
