#include "adapters/sim/host/line.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace caravan::sim {

namespace {

constexpr int glance = 50;  // ms: how often a stop is looked for

std::optional<sockaddr_un> address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    return address;
}

const sockaddr* plain(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

bool await(int fd, short what, const patience& p) {
    while (!p.stop.stop_requested()) {
        pollfd all[2] = {{fd, what, 0}, {p.guard ? p.guard->fd() : -1, POLLRDHUP, 0}};
        const int ready = ::poll(all, 2, glance);
        if (ready < 0 && errno != EINTR) return false;
        if (ready <= 0) continue;
        if (all[1].revents != 0) return false;
        return true;
    }
    return false;
}

}  // namespace

bool rest(std::chrono::milliseconds span, const patience& p) {
    for (auto left = span.count(); left > 0; left -= glance) {
        pollfd guard{p.guard ? p.guard->fd() : -1, POLLRDHUP, 0};
        if (::poll(&guard, 1, static_cast<int>(std::min<std::int64_t>(left, glance))) > 0) return false;
        if (p.stop.stop_requested()) return false;
    }
    return true;
}

std::optional<line> line::dial(const std::filesystem::path& path) {
    const auto address = address_of(path);
    if (!address) return std::nullopt;
    line made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(made.fd_, plain(*address), sizeof *address) != 0) return std::nullopt;
    return made;
}

line::~line() {
    if (fd_ >= 0) ::close(fd_);
}

bool line::read(std::span<char> into, const patience& p) {
    while (!into.empty()) {
        const auto got = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
        else if (!await(fd_, POLLIN, p)) return false;
    }
    return true;
}

bool line::write(std::string_view from, const patience& p) {
    while (!from.empty()) {
        const auto put = ::send(fd_, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (put > 0) from.remove_prefix(static_cast<std::size_t>(put));
        else if (!await(fd_, POLLOUT, p)) return false;
    }
    return true;
}

result<ear> ear::open(const std::filesystem::path& path) {
    const auto address = address_of(path);
    if (!address) return transient("cannot_listen", path.string() + " is too long for a unix socket");
    ::unlink(path.c_str());
    ear made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), path);
    if (::bind(made.fd_, plain(*address), sizeof *address) != 0 || ::listen(made.fd_, SOMAXCONN) != 0)
        return transient("cannot_listen", path.string() + ": " + std::strerror(errno));
    return made;
}

ear::~ear() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(at_.c_str());
}

std::optional<line> ear::accept(const patience& p) {
    while (await(fd_, POLLIN, p)) {
        const int got = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (got >= 0) return line(got);
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace caravan::sim
