#include "tests/contract/channel/kit.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

namespace caravan::test {
namespace {

sockaddr_un named(const std::string& path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    return at;
}

bool ready(int end, short what, std::chrono::milliseconds within) {
    pollfd one{end, what, 0};
    return ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(within.count(), 0))) == 1;
}

std::string local(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

template <class T>
T must(result<T> got) {
    INFO((got ? std::string() : got.error().reason + ": " + got.error().detail));
    REQUIRE(got);
    return std::move(*got);
}

}  // namespace

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within) {
    for (const auto until = steady::now() + within; steady::now() < until; ::usleep(2000))
        if (holds()) return true;
    return holds();
}

line& line::operator=(line&& other) noexcept {
    if (this != &other) {
        close();
        end_ = std::exchange(other.end_, -1);
    }
    return *this;
}

void line::close() {
    if (end_ >= 0) ::close(std::exchange(end_, -1));
}

bool line::send(std::string_view text) {
    while (!text.empty()) {
        if (!ready(end_, POLLOUT, 5s)) return false;
        const auto n = ::send(end_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) return false;
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string line::read(std::size_t size, std::chrono::milliseconds within) {
    std::string got(size, '\0');
    std::size_t have = 0;
    const auto until = steady::now() + within;
    while (have < size) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - steady::now());
        if (!ready(end_, POLLIN, left)) break;
        const auto n = ::recv(end_, got.data() + have, size - have, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) break;
        if (n > 0) have += static_cast<std::size_t>(n);
    }
    got.resize(have);
    return got;
}

bool line::closes(std::chrono::milliseconds within) {
    for (const auto until = steady::now() + within; steady::now() < until;) {
        char sink[65536];
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - steady::now());
        if (!ready(end_, POLLIN, left)) return false;
        const auto n = ::recv(end_, sink, sizeof sink, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
    }
    return false;
}

line connect_unix(const std::string& path) {
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un at = named(path);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return line(made);
    ::close(made);
    return line();
}

listener_program::listener_program(std::string path) : path_(std::move(path)) {
    end_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un at = named(path_);
    ::unlink(path_.c_str());
    REQUIRE(::bind(end_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(end_, 64) == 0);
}

listener_program::~listener_program() {
    ::close(end_);
    ::unlink(path_.c_str());
}

line listener_program::accept(std::chrono::milliseconds within) {
    if (!ready(end_, POLLIN, within)) return line();
    return line(::accept4(end_, nullptr, nullptr, SOCK_CLOEXEC));
}

bool heard::was_refused(const std::string& reason) {
    return note([&] {
        return std::any_of(refusals.begin(), refusals.end(),
                           [&](const auto& one) { return one.reason == reason; });
    });
}

bool heard::was_closed(const std::string& reason) {
    return note([&] {
        return std::any_of(closings.begin(), closings.end(),
                           [&](const auto& one) { return one.reason == reason; });
    });
}

federation::federation(std::chrono::milliseconds patience) : stall(patience) {
    const auto a = (keys.directory / "a").string(), b = (keys.directory / "b").string();
    std::filesystem::create_directory(a);
    std::filesystem::create_directory(b);
    ticket_files = keys.ticket_keys("umea");
    const auto proxy = [&](const std::string& own, const std::string& peer) {
        return channel::proxy_channel_config{keys.issue(own, "proxy", "p1"),
                                             keys.issue(own, "proxy", "wan"),
                                             {{cloud_name{peer}, keys.ca(peer)}},
                                             "127.0.0.1:0",
                                             "127.0.0.1:0",
                                             ticket_files.verifying,
                                             stall};
    };
    proxy_b = must(channel::proxy_channel::make(proxy("umea", "thales"), clock, proxy_b_heard));
    proxy_a = must(channel::proxy_channel::make(proxy("thales", "umea"), clock, proxy_a_heard));
    wan = std::make_unique<middle_man>(proxy_b->wan_port());
    agent_a = must(channel::agent_channel::make(
        {keys.issue("thales", "agent", "h1"), "127.0.0.1:0", a, "/none", stall}, agent_a_heard));
    agent_b = must(channel::agent_channel::make(
        {keys.issue("umea", "agent", "k1"), "127.0.0.1:0", b, b + "/libvirt-sock", stall},
        agent_b_heard));

    leave = {migration_id{"01jd7caravan0000000000gate1"},
             cloud_name{"thales"},
             cloud_name{"umea"},
             vm_name{"vm1"},
             "5e9c1a52-7d1f-4c37-9a46-2b0f6f1d9c01",
             {"vda"},
             false,
             1u << 30,
             clock.now() + 600s};
    at_source.id = leave.id;
    at_source.vm.name = leave.vm;
    at_source.vm.uuid = leave.vm_uuid;
    at_destination = at_source;
    at_source.own = at_destination.peer = cloud_name{"thales"};
    at_source.peer = at_destination.own = cloud_name{"umea"};
    at_destination.here = side::destination;
    at_source.host = host_name{"h1"};
    at_destination.host = host_name{"k1"};
    at_source.sockets = a;
    at_destination.sockets = b;
    at_source.proxy_endpoint = local(proxy_a->site_port());
    at_source.peer_endpoint = local(wan->port());
    at_destination.agent_endpoint = local(agent_b->port());
    sign();
}

// The wires first, then who they lead to.
federation::~federation() {
    agent_a.reset();
    proxy_a.reset();
    proxy_b.reset();
    agent_b.reset();
}

void federation::sign() {
    const auto key = must(channel::load_signing_key(ticket_files.signing));
    at_source.ticket = at_destination.ticket = must(channel::sign_ticket(leave, key));
}

std::string federation::source_socket(const std::string& kind) const {
    return at_source.sockets + "/caravan-" + leave.id.text + "-" + kind + ".sock";
}
std::string federation::destination_socket(const std::string& kind) const {
    if (kind == "ctl") return at_destination.sockets + "/libvirt-sock";
    return at_destination.sockets + "/caravan-" + leave.id.text + "-" + kind + ".sock";
}

void federation::open_all(const std::string& where) {
    const auto opened = [&](char which, port::channel& at, const job& what) {
        if (where.find(which) == std::string::npos) return;
        const auto done = at.open(what);
        INFO(which << (done ? "" : done.error().reason + ": " + done.error().detail));
        REQUIRE(done);
    };
    opened('B', *proxy_b, at_destination);
    opened('b', *agent_b, at_destination);
    opened('A', *proxy_a, at_source);
    opened('a', *agent_a, at_source);
}

bool federation::records_stand() {
    return eventually([&] { return proxy_a->send_record(leave.id, "?").has_value(); });
}

std::string random_bytes(std::size_t size, unsigned seed) {
    std::mt19937_64 from(seed);
    std::string made(size, '\0');
    for (char& c : made) c = static_cast<char>(from());
    return made;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace caravan::test
