// agenda: simulated time, and what is to happen in it. What is due at the same instant happens in the
// order in which it was asked for.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
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

    // When the next thing is due, as passed() counts; nothing: nothing is to come.
    std::optional<duration> next() const noexcept;
    void run_one();  // that thing, when its time comes
    void pass_until(duration passed) noexcept { now_ = std::max(now_, origin + passed); }

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
