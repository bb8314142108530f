// record_line: the small stream between two proxies that each open job has besides its own: records
// (the fast path of a switchover), and a keepalive each second, whose echo says that the way is not
// dark even when nothing else flows.
//
//   frame   u32 length of what follows | type | payload       big-endian, payload ≤ 64 KiB
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "adapters/channel/wire.hpp"

namespace caravan::channel {

inline constexpr std::size_t record_size_max = 64 << 10;

class record_line : public std::enable_shared_from_this<record_line> {
  public:
    using moment = std::chrono::steady_clock::time_point;
    // `heard` gets each record; `gone` is called once, unless stop() was.
    record_line(std::shared_ptr<wire> on, std::function<void(const std::string&)> heard,
                std::function<void()> gone);
    void start();
    // permanent "too_large"; transient "record_queue_full" (256 KiB wait already).
    result<void> send(const std::string& record);
    void beat(moment now);  // at least each second
    // Nothing was heard, not even an echo, for `stall`.
    bool stuck(moment now, std::chrono::milliseconds stall) const {
        return now - heard_at_ >= stall;
    }
    void stop();

  private:
    enum class type : char { keepalive, echo, record };
    void put(type, const std::string& payload);
    void push();
    void pull();
    void took(const std::string& frame);
    void end();

    std::shared_ptr<wire> line_;
    std::function<void(const std::string&)> heard_;
    std::function<void()> gone_;
    std::string waiting_;  // frames not yet handed to the wire
    bool pushing_ = false;
    moment heard_at_, sent_at_;
};

}  // namespace caravan::channel
