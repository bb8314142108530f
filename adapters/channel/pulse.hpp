// pulse: what the kernel knows of a TCP connection's health (TCP_INFO, linux/tcp.h).
#pragma once

#include <chrono>
#include <cstdint>

namespace caravan::channel {

struct pulse {
    bool gone = false;                    // reset or given up
    bool owed = false;                    // bytes are unsent or unacknowledged
    std::uint64_t moved = 0;              // bytes acknowledged plus bytes received, ever
    std::chrono::milliseconds silence{};  // since the peer's kernel last said anything
};

pulse pulse_of(int socket) noexcept;

// No delay (Nagle), at most 128 KiB unsent in the kernel (what waits there at switchover is
// downtime), a probe each second (RFC 1122 4.2.3.6), so that silence means darkness; given up after
// `patience`.
void tune(int socket, std::chrono::milliseconds patience) noexcept;

}  // namespace caravan::channel
