#include "packets.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace caravan::van::test {
namespace {

constexpr std::uint16_t experimental = 0x88b5;

int packet_socket(const space& in, const std::string& device) {
    int fd = -1;
    in.inside([&] {
        fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(experimental));
        sockaddr_ll at{};
        at.sll_family = AF_PACKET;
        at.sll_protocol = htons(experimental);
        at.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
        if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
            throw std::runtime_error("no packet socket on " + device);
    });
    return fd;
}

constexpr timeval patience{10, 0};

int tcp_socket(const space& in, const std::string& address, bool listens) {
    int fd = -1;
    in.inside([&] {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(9000);
        ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
        const auto* where = reinterpret_cast<const sockaddr*>(&at);
        const bool done = listens ? ::bind(fd, where, sizeof at) == 0 && ::listen(fd, 1) == 0
                                  : ::connect(fd, where, sizeof at) == 0;
        if (!done) throw std::runtime_error("no TCP to " + address);
    });
    return fd;
}

// Of samples at settled positions of the stream: cheap, and what is lost, doubled or in another
// order shows.
std::uint64_t add(std::uint64_t sum, std::uint64_t offset, const std::uint8_t* bytes,
                  std::size_t size) {
    constexpr std::uint64_t stride = 61;
    for (auto i = (stride - offset % stride) % stride; i < size; i += stride)
        sum = sum * 31 + bytes[i];
    return sum;
}

}  // namespace

stream_result tcp_stream(const space& from, const space& to, const std::string& address,
                         std::uint64_t bytes) {
    const int listener = tcp_socket(to, address, true);
    const int sender = tcp_socket(from, address, false);
    stream_result made;
    const auto begun = std::chrono::steady_clock::now();
    std::thread receiver([&] {
        const int fd = ::accept(listener, nullptr, nullptr);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::vector<std::uint8_t> chunk(1 << 18);
        for (ssize_t got; (got = ::read(fd, chunk.data(), chunk.size())) > 0;) {
            made.received_sum =
                add(made.received_sum, made.bytes, chunk.data(), static_cast<std::size_t>(got));
            made.bytes += static_cast<std::uint64_t>(got);
        }
        made.took = std::chrono::steady_clock::now() - begun;
        ::close(fd);
    });
    std::vector<std::uint8_t> chunk(1 << 18);
    for (std::uint64_t sent = 0; sent < bytes;) {
        const auto size = std::min<std::uint64_t>(chunk.size(), bytes - sent);
        for (std::size_t i = 0; i < size; i += 64)
            chunk[i] = static_cast<std::uint8_t>(sent + i * 7);
        for (std::size_t done = 0; done < size;) {
            const auto put = ::send(sender, chunk.data() + done, size - done, MSG_NOSIGNAL);
            if (put <= 0) break;
            done += static_cast<std::size_t>(put);
        }
        made.sent_sum = add(made.sent_sum, sent, chunk.data(), size);
        sent += size;
    }
    ::close(sender);
    receiver.join();
    ::close(listener);
    return made;
}

ear::ear(const space& in, const std::string& device) : fd_(packet_socket(in, device)) {}
ear::~ear() {
    ::close(fd_);
}

std::uint64_t ear::heard() {
    std::array<std::uint8_t, 2048> frame;
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    while (::recvfrom(fd_, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from),
                      &size) > 0)
        if (from.sll_pkttype != PACKET_OUTGOING) ++count_;
    return count_;
}

mouth::mouth(const space& in, const std::string& device) : fd_(packet_socket(in, device)) {
    thread_ = std::thread([this] {
        std::array<std::uint8_t, 60> frame{};
        std::memset(frame.data(), 0xff, 6);
        frame[6] = 0x02;
        frame[11] = 0x77;
        frame[12] = experimental >> 8;
        frame[13] = experimental & 0xff;
        while (!stop_) {
            if (::send(fd_, frame.data(), frame.size(), 0) > 0) ++said_;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    });
}
mouth::~mouth() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
}

}  // namespace caravan::van::test
