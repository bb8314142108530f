// clockwork: time that passes when a test says so, and actors and loops that take their turns in it; a turn of
// the ledger is one disk away.
#pragma once

#include <map>

#include "actors/ports/clock.hpp"
#include "actors/runtime/stepped.hpp"

namespace caravan::test {

struct clockwork : port::clock {
    static constexpr duration disk = std::chrono::milliseconds(10);
    duration passed{};
    std::multimap<duration, std::function<void()>> later;
    runtime::stepped steps{
        {[this] { return passed; },
         [this](duration wait, std::function<void()> what) { later.emplace(passed + wait, std::move(what)); },
         [](const char* loop) { return std::string_view(loop) == "ledger" ? disk : duration(); }}};

    instant now() const noexcept override { return instant(std::chrono::hours(1)) + passed; }
    void settle() {
        while (steps.ready()) steps.step(0);
    }
    void commit() { pass(disk); }  // what is on its way
    void pass(duration time) {
        const auto until = passed + time;
        while (!later.empty() && later.begin()->first <= until) {
            passed = std::max(passed, later.begin()->first);
            later.extract(later.begin()).mapped()();
            settle();
        }
        passed = until;
        settle();
    }
};

}  // namespace caravan::test
