#include "tests/contract/channel/middle_man.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <vector>

namespace caravan::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

// Passes on what is there; false when the giver has closed.
bool pass(int from, int to) {
    std::array<char, 65536> bytes;
    const auto got = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    for (ssize_t put = 0; put < got;) {
        const auto n =
            ::send(to, bytes.data() + put, static_cast<std::size_t>(got - put), MSG_NOSIGNAL);
        if (n <= 0) return false;
        put += n;
    }
    return got > 0;
}

void hurry(int end) {
    const int on = 1;
    ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

int connect_tcp(std::uint16_t port) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in at = loopback(port);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return made;
    ::close(made);
    return -1;
}

middle_man::middle_man(std::uint16_t to) : to_(to) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
    ::listen(listener_, 64);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { run(); });
}

middle_man::~middle_man() {
    over_ = true;
    thread_.join();
    ::close(listener_);
}

void middle_man::run() {
    std::vector<std::array<int, 2>> pairs;
    while (!over_) {
        std::vector<pollfd> ends{{listener_, POLLIN, 0}};
        if (!dark_)
            for (const auto& pair : pairs)
                for (const int end : pair) ends.push_back({end, POLLIN, 0});
        ::poll(ends.data(), dark_ ? 0 : ends.size(), 5);
        if (dark_) continue;
        for (std::size_t n = pairs.size(); n-- > 0;) {
            bool open = true;
            for (std::size_t side : {0u, 1u})
                if (ends[1 + 2 * n + side].revents)
                    open = pass(pairs[n][side], pairs[n][1 - side]) && open;
            if (open) continue;
            for (const int end : pairs[n]) ::close(end);
            pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(n));
        }
        if (!ends[0].revents) continue;
        const int near = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int far = connect_tcp(to_);
        hurry(near), hurry(far);
        if (far >= 0)
            pairs.push_back({near, far});
        else
            ::close(near);
    }
    for (const auto& pair : pairs)
        for (const int end : pair) ::close(end);
}

}  // namespace caravan::test
