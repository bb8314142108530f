#include "adapters/van/datagram_socket.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace caravan::van {
namespace {

constexpr int buffer_size = 4 << 20;  // bytes: some 25 ms at 1 Gbit/s, as the kernel counts them

// On an IPv4 socket IPv4 addresses must be plain; an IPv6 socket takes the mapped form.
socklen_t to_kernel(const endpoint& at, bool v4, sockaddr_storage& out) {
    if (v4) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(at.port);
        std::memcpy(&address.sin_addr, at.ip.data() + 12, 4);
        std::memcpy(&out, &address, sizeof address);
        return sizeof address;
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(at.port);
    std::memcpy(&address.sin6_addr, at.ip.data(), at.ip.size());
    std::memcpy(&out, &address, sizeof address);
    return sizeof address;
}

endpoint from_kernel(const sockaddr_storage& from) {
    endpoint at;
    if (from.ss_family == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, &from, sizeof address);
        at.ip[10] = at.ip[11] = 0xff;
        std::memcpy(at.ip.data() + 12, &address.sin_addr, 4);
        at.port = ntohs(address.sin_port);
        return at;
    }
    sockaddr_in6 address;
    std::memcpy(&address, &from, sizeof address);
    std::memcpy(at.ip.data(), &address.sin6_addr, at.ip.size());
    at.port = ntohs(address.sin6_port);
    return at;
}

void set(int fd, int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

result<datagram_socket> datagram_socket::open(const endpoint& at, bool whole) {
    datagram_socket made;
    made.v4_ = at.v4();
    const auto refused = [&] {
        return transient("cannot_listen", to_text(at) + "/udp: " + std::strerror(errno));
    };
    made.fd_ =
        ::socket(made.v4_ ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made.fd_ < 0) return refused();
    // Larger than net.core.*mem_max only with CAP_NET_ADMIN; without it, what the limit allows.
    for (const auto& [plain, forced] :
         {std::pair{SO_RCVBUF, SO_RCVBUFFORCE}, {SO_SNDBUF, SO_SNDBUFFORCE}}) {
        set(made.fd_, SOL_SOCKET, plain, buffer_size);
        set(made.fd_, SOL_SOCKET, forced, buffer_size);
    }
    if (whole && made.v4_) set(made.fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (whole && !made.v4_) set(made.fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    sockaddr_storage address{};
    const auto size = to_kernel(at, made.v4_, address);
    if (::bind(made.fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0) return refused();
    made.in_.resize(batch);
    made.out_.resize(batch);
    made.headers_.resize(batch);
    made.parts_.resize(batch);
    return made;
}

datagram_socket::datagram_socket(datagram_socket&& other) noexcept {
    *this = std::move(other);
}

datagram_socket& datagram_socket::operator=(datagram_socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    v4_ = other.v4_;
    in_ = std::move(other.in_);
    out_ = std::move(other.out_);
    headers_ = std::move(other.headers_);
    parts_ = std::move(other.parts_);
    queued_ = std::exchange(other.queued_, 0);
    lost_ = other.lost_;
    return *this;
}

datagram_socket::~datagram_socket() {
    if (fd_ >= 0) ::close(fd_);
}

endpoint datagram_socket::bound() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return from_kernel(address);
}

std::size_t datagram_socket::receive(
    const std::function<void(const endpoint&, octets, bool cut)>& each) {
    for (std::size_t i = 0; i < batch; ++i) {
        parts_[i] = {in_[i].bytes.data(), size_max};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_name = &in_[i].address;
        headers_[i].msg_hdr.msg_namelen = sizeof in_[i].address;
        headers_[i].msg_hdr.msg_iov = &parts_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
    const int came = ::recvmmsg(fd_, headers_.data(), batch, MSG_DONTWAIT, nullptr);
    if (came <= 0) return 0;
    std::array<std::pair<std::size_t, bool>, batch> sizes;  // `each` may send, which uses headers_
    for (std::size_t i = 0; i < static_cast<std::size_t>(came); ++i)
        sizes[i] = {headers_[i].msg_len, (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0};
    for (std::size_t i = 0; i < static_cast<std::size_t>(came); ++i)
        each(from_kernel(in_[i].address), octets(in_[i].bytes).first(sizes[i].first),
             sizes[i].second);
    return static_cast<std::size_t>(came);
}

void datagram_socket::send(const endpoint& to, octets head, octets body) {
    if (head.size() + body.size() > size_max || (v4_ && !to.v4())) {
        ++lost_;
        return;
    }
    auto& next = out_[queued_];
    const auto middle = std::copy(head.begin(), head.end(), next.bytes.begin());
    std::copy(body.begin(), body.end(), middle);
    next.size = head.size() + body.size();
    next.address_size = to_kernel(to, v4_, next.address);
    if (++queued_ == batch) flush();
}

void datagram_socket::flush() {
    for (std::size_t i = 0; i < queued_; ++i) {
        parts_[i] = {out_[i].bytes.data(), out_[i].size};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_name = &out_[i].address;
        headers_[i].msg_hdr.msg_namelen = out_[i].address_size;
        headers_[i].msg_hdr.msg_iov = &parts_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
    std::size_t done = 0;
    while (done < queued_) {
        const int sent = ::sendmmsg(fd_, headers_.data() + done,
                                    static_cast<unsigned>(queued_ - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
            continue;
        }
        // ICMP errors of earlier datagrams (ECONNREFUSED, EHOSTUNREACH) and EMSGSIZE fail one
        // datagram; a full queue fails them all: a switch drops, it does not wait.
        const bool full = errno == EAGAIN || errno == ENOBUFS;
        lost_ += full ? queued_ - done : 1;
        done = full ? queued_ : done + 1;
    }
    queued_ = 0;
}

}  // namespace caravan::van
