// relay: one stream of a migration through one process: what comes in at one end goes out at the
// other, both ways, through bounded buffers, and for ctl and nbd at a proxy through a gate.
//
// The first end is the one nearer to the source's hypervisor; `call` is the way from it, `reply`
// the way to it, as the gate has it. When either end ends, what was received from it is sent on and
// then both are closed fully: a half-closed relay hangs libvirt.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/channel/gate/gate.hpp"
#include "adapters/channel/gate/nbd/gate.hpp"
#include "adapters/channel/preface.hpp"
#include "adapters/channel/wire.hpp"

namespace caravan::channel {

using gate::direction;

enum class ending : std::uint8_t {
    ended,   // in good order
    broken,  // an end was reset or cut
};

class relay;

// Whoever holds the relays of a job. May stop them from within any of these.
class relay_owner {
  public:
    virtual ~relay_owner() = default;
    virtual void carried(direction, std::size_t bytes) = 0;  // was received
    virtual void over(const std::shared_ptr<relay>&, ending) = 0;
    virtual void judged(const std::shared_ptr<relay>&, const gate::verdict&) = 0;  // worth telling
};

class relay : public std::enable_shared_from_this<relay> {
  public:
    relay(lane kind, relay_owner& owner) : kind_(kind), owner_(&owner) {}

    void judge_with(gate::gate by) { gate_.emplace(std::move(by)); }
    void judge_with(gate::nbd::gate by) { disk_gate_.emplace(std::move(by)); }
    // Gives it an end; direction::call names the first one. An end given to a stopped relay is
    // closed.
    void give(direction from, std::shared_ptr<wire> end);
    // Both ends given: this way flows from now on.
    void flow(direction way);

    // Closes both ends at once (TCP: reset), the one towards the own host first, and tells nobody.
    void stop(direction own_host);
    // Sends what is in hand if it can be sent now, then closes in good order.
    void part();

    lane kind() const noexcept { return kind_; }
    bool stopped() const noexcept { return owner_ == nullptr; }
    // Whether, for `stall`, an end has been dark, or has owed bytes without any progress, or the guest
    // has stood still for want of a Finish reply.
    bool stuck(std::chrono::steady_clock::time_point now, std::chrono::milliseconds stall);

  private:
    static constexpr std::size_t buffer_size = 128 << 10;
    struct current {                   // one way
        std::unique_ptr<char[]> room;  // received
        std::string_view held;         // of it: the disk's gate wants to see more behind it
        std::string said;              // by the gate
        std::string_view rest;         // of either: not yet sent
        bool flowing = false, last = false, busy = false;
        std::uint64_t moved = 0;  // progress of the end it leaves by, at the last look
        std::chrono::steady_clock::time_point quiet_since{};
        void say(const std::string& more);
    };
    static direction other(direction way) noexcept {
        return way == direction::call ? direction::reply : direction::call;
    }
    current& at(direction way) { return ways_[static_cast<std::size_t>(way)]; }
    std::shared_ptr<wire>& from(direction way) { return ends_[static_cast<std::size_t>(way)]; }
    std::shared_ptr<wire>& to(direction way) { return from(other(way)); }

    void pump(direction way);
    bool take(direction way);  // false: wait, or over
    bool send(direction way);
    bool hand_to_gate(direction way, std::string_view got);
    bool hand_to_disk_gate(direction way, std::size_t size);
    void wait(direction way, wire& on, wire::outcome why);
    void end(ending how);

    const lane kind_;
    relay_owner* owner_;  // null once stopped
    std::optional<gate::gate> gate_;
    std::optional<gate::nbd::gate> disk_gate_;
    std::optional<std::chrono::steady_clock::time_point> finishing_since_;
    std::array<std::shared_ptr<wire>, 2> ends_;
    std::array<current, 2> ways_;
};

}  // namespace caravan::channel
