// datagram_socket: a UDP socket that receives and sends in batches (recvmmsg, sendmmsg), without
// blocking. Not for several threads.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "adapters/van/endpoint.hpp"
#include "adapters/van/frame.hpp"
#include "events/result.hpp"

namespace caravan::van {

class datagram_socket {
  public:
    static constexpr std::size_t batch = 64;
    static constexpr std::size_t size_max = 2048;  // longer datagrams are cut, and told as `cut`

    // Bound to exactly this address. With `whole`, datagrams are never fragmented
    // (IP_PMTUDISC_PROBE): one too large for the way is lost and counted instead. Transient
    // "cannot_listen".
    static result<datagram_socket> open(const endpoint& at, bool whole);
    datagram_socket() = default;
    datagram_socket(datagram_socket&&) noexcept;
    datagram_socket& operator=(datagram_socket&&) noexcept;
    ~datagram_socket();

    int descriptor() const noexcept { return fd_; }
    endpoint bound() const;

    // Up to one batch; `each` gets the datagram and its sender. Answers how many came.
    std::size_t receive(const std::function<void(const endpoint&, octets, bool cut)>& each);

    // Queues head ‖ body for `to`; flushes by itself when a batch is full.
    void send(const endpoint& to, octets head, octets body = {});
    void flush();
    // Datagrams that the kernel did not take: its queue was full, or they were too large for the
    // link.
    std::uint64_t lost() const noexcept { return lost_; }

  private:
    struct slot {
        std::array<std::uint8_t, size_max> bytes;
        sockaddr_storage address;
        std::size_t size = 0;
        socklen_t address_size = 0;
    };
    int fd_ = -1;
    bool v4_ = true;
    std::vector<slot> in_, out_;
    std::vector<mmsghdr> headers_;
    std::vector<iovec> parts_;
    std::size_t queued_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace caravan::van
