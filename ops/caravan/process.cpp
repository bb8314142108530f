#include "ops/caravan/process.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>

#include "actors/care/need.hpp"
#include "events/json.hpp"

namespace caravan::ops {

namespace {

// systemd's sd_notify protocol: one datagram to the socket it names.
void notify(const char* state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || std::strlen(path) >= sizeof(sockaddr_un::sun_path)) return;
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    (void)::sendto(fd, state, std::strlen(state), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), size);
    ::close(fd);
}

}  // namespace

actor_house::actor_house() {
    // With the default policy a crowd of actors starves (docs/adr/caf-scheduling.md).
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", std::size_t{4});
    config.set("scheduler.max-throughput", std::size_t{64});
    system = std::make_unique<caf::actor_system>(config);
}

std::function<void(const std::string&)> log_of(const std::string& process) {
    return [process](const std::string& line) {
        static std::mutex one_at_a_time;
        const auto now = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
        const std::lock_guard lock(one_at_a_time);
        std::cerr << format_instant(now) << ' ' << process << ": " << line << std::endl;
    };
}

int failed_to_start(const failure& f) {
    std::cerr << "caravan: cannot start: " << f.reason << (f.detail.empty() ? "" : ": " + f.detail) << '\n';
    if (std::ranges::find(care::journal_needs, f.reason) != care::journal_needs.end())
        std::cerr << "  try: docs/runbooks/" << f.reason << ".md\n";
    return 1;
}

namespace {
sigset_t stopping() {
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGINT);
    return all;
}
}  // namespace

stop_signals::stop_signals() {
    const auto all = stopping();
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void stop_signals::wait() const {
    const auto all = stopping();
    notify("READY=1");
    int which = 0;
    sigwait(&all, &which);
    notify("STOPPING=1");
}

}  // namespace caravan::ops
