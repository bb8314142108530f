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

// What a turn takes of a processor; now and then another process has it for a while.
constexpr auto effort_least = std::chrono::microseconds(1), effort_most = std::chrono::microseconds(20);
constexpr auto preempted_most = std::chrono::milliseconds(5);
constexpr std::uint64_t preempted_in_a_thousand = 10;

}  // namespace

process::process(agenda& time, dice luck, duration pause)
    : steps({[&time] { return time.passed(); },
             [&time](duration wait, std::function<void()> what) { time.after(wait, std::move(what)); },
             [this](const char* loop) { return latency_of(loop); }}),
      chance(luck), disk_pause(pause), time_(time) {}

void process::step() {
    const auto which = chance.below(steps.ready());
    busy_until = time_.passed() + chance.between(effort_least, effort_most);
    if (chance.chance(preempted_in_a_thousand)) busy_until += chance.between({}, preempted_most);
    steps.step(which);
}

duration process::latency_of(std::string_view loop) {
    for (const auto& row : latencies)
        if (row.loop == loop) return chance.between(row.least, row.most) + (loop == "ledger" ? disk_pause : duration{});
    return {};
}

}  // namespace caravan::simulate
