// world: what hosts and proxies would do for one VM at two clouds, as far as a migration can see it.
// Faults are drawn from the seed that the federation runs on; the model follows libvirt 9 as the
// hypervisor port words it: a peer-to-peer copy lives on without whoever asked for it.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <random>
#include <string>

#include "events/ids.hpp"
#include "events/op.hpp"
#include "events/result.hpp"

namespace caravan::test {

using namespace std::chrono_literals;

// Virtual time: what is to happen, in order, ties in the order of asking.
class agenda {
  public:
    instant now() const { return now_; }
    void at(instant when, std::function<void()> what);
    void after(duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    bool step();  // does the next thing; false: nothing is left

  private:
    struct item {
        instant when;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const item& o) const { return std::pair(o.when, o.number) < std::pair(when, number); }
    };
    std::priority_queue<item> items_;
    std::uint64_t count_ = 0;
    instant now_ = instant(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
};

struct dice {
    std::mt19937_64 engine;
    bool faults = true;
    bool chance(double p) { return faults && std::uniform_real_distribution<>(0, 1)(engine) < p; }
    duration between(duration low, duration high) {
        return duration(std::uniform_int_distribution<std::int64_t>(low.count(), high.count())(engine));
    }
};

enum class copy : std::uint8_t { absent, arriving, paused, running, off };

// One cloud's hosts and proxies.
struct site {
    copy guest = copy::absent;
    bool staged = false, port = false, relay = false, end = false;
    bool job = false;              // a libvirt job runs on the guest
    std::uint64_t copies = 0;      // jobs ever begun: tells a late end from a current one
};

class world {
  public:
    world(agenda& time, dice& luck) : time_(time), luck_(luck) {}
    site here, there;  // of the migration at hand: source and destination
    void turn() { std::swap(here, there); }
    // Carries out one act at one side. `done` is called now or, for start_copy, when the copy ends.
    void perform(bool source, act what, std::function<void(result<std::string>)> done);
    void lose_channel(bool source);  // a proxy or an agent dies, and comes back knowing nothing
    int running() const { return (here.guest == copy::running) + (there.guest == copy::running); }
    std::string violation;

  private:
    void copy_begins(std::function<void(result<std::string>)> done);
    void copy_ends();
    void copy_breaks();
    void wake_up(std::uint64_t copy_number);
    result<std::string> at_source(act);
    result<std::string> at_destination(act);
    void discard(site&);
    agenda& time_;
    dice& luck_;
    std::vector<std::function<void(result<std::string>)>> following_;
};

}  // namespace caravan::test
