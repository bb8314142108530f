#include "adapters/channel/pulse.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace caravan::channel {
namespace {

void set(int socket, int level, int option, int value) noexcept {
    ::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

pulse pulse_of(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    constexpr int closed = 7;  // TCP_CLOSE
    return {info.tcpi_state == closed, info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0,
            info.tcpi_bytes_acked + info.tcpi_bytes_received,
            std::chrono::milliseconds(std::min(info.tcpi_last_data_recv, info.tcpi_last_ack_recv))};
}

void tune(int socket, std::chrono::milliseconds patience) noexcept {
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 128 << 10);
    set(socket, SOL_SOCKET, SO_OOBINLINE, 1);  // else a peer's urgent byte wakes who waits for errors, for ever
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(patience.count()));
}

}  // namespace caravan::channel
