#include "ops/simulate/process.hpp"

namespace caravan::simulate {

namespace {

struct latency_row {
    std::string_view loop;
    duration least, most;
};
// From being woken until the turn: fsync, a libvirt call, a wake-up over the feeds' directory.
constexpr latency_row latencies[] = {
    {"ledger", std::chrono::microseconds(200), std::chrono::milliseconds(2)},
    {"worker", std::chrono::microseconds(500), std::chrono::milliseconds(20)},
    {"teller", std::chrono::microseconds(100), std::chrono::milliseconds(2)},
    {"hearer", std::chrono::microseconds(100), std::chrono::milliseconds(50)},
    {"greeter", std::chrono::milliseconds(5), std::chrono::milliseconds(200)},
};

}  // namespace

process::process(agenda& time, dice luck, duration pause)
    : steps({[&time] { return time.passed(); },
             [&time](duration wait, std::function<void()> what) { time.after(wait, std::move(what)); },
             [this](const char* loop) { return latency_of(loop); }}),
      chance(luck), disk_pause(pause) {}

duration process::latency_of(std::string_view loop) {
    for (const auto& row : latencies)
        if (row.loop == loop) return chance.between(row.least, row.most) + (loop == "ledger" ? disk_pause : duration{});
    return {};
}

}  // namespace caravan::simulate
