#include "adapters/libvirt/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

extern char** environ;

namespace caravan::libvirt {
namespace {

constexpr std::size_t output_size_max = 4096, command_line_size_max = 1 << 20;
constexpr int dying_ms_max = 2000;

struct descriptor {
    int number = -1;
    descriptor() = default;
    explicit descriptor(int n) : number(n) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }
    void close() {
        if (number >= 0) ::close(number);
        number = -1;
    }
};

std::string read_all(int from, std::size_t at_most) {
    std::string text;
    char piece[1024];
    for (ssize_t n; (n = ::read(from, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR);)
        if (n > 0 && text.size() < at_most) text.append(piece, static_cast<size_t>(n));
    return text;
}

// Empty of a process that is dying: it gives up its memory first, its files and last writes later. One that
// died since its file was opened has nothing to read (ESRCH), which a std::ifstream throws.
std::string command_line(pid_t pid) {
    const descriptor file(::open(("/proc/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
    return file.number < 0 ? std::string() : read_all(file.number, command_line_size_max);
}

// libvirt's command line says -name guest=NAME,…
bool names_domain(const std::string& line, const std::string& name) {
    const std::string wanted = std::string(1, '\0') + "guest=" + name;
    for (auto at = line.find(wanted); at != line.npos; at = line.find(wanted, at + 1)) {
        const auto after = at + wanted.size();
        if (after < line.size() && (line[after] == ',' || line[after] == '\0')) return true;
    }
    return false;
}

}  // namespace

result<void> run_program(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return transient("no_descriptors", std::strerror(errno));
    descriptor in(ends[0]), out(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out.number, 1);
    posix_spawn_file_actions_adddup2(&actions, out.number, 2);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) return permanent("program_failed", words[0] + ": " + std::strerror(error));
    out.close();
    const auto said = read_all(in.number, output_size_max);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return permanent("program_failed", words[0] + ": " + said);
}

bool runs_domain(pid_t pid, const std::string& name) {
    return names_domain(command_line(pid), name);
}

bool died_within(pid_t pid, std::chrono::milliseconds at_most) {
    const descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process.number < 0) return errno == ESRCH;
    pollfd dead{process.number, POLLIN, 0};
    return ::poll(&dead, 1, static_cast<int>(at_most.count())) == 1;
}

result<void> end_process(pid_t pid, const std::string& name) {
    const descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process.number < 0)
        return errno == ESRCH ? result<void>() : unknown("still_dying", std::strerror(errno));
    // Only now, with the process held: if it is another one, the domain's own is gone.
    const auto line = command_line(pid);
    if (!line.empty() && !names_domain(line, name)) return {};
    if (!line.empty() &&
        ::syscall(SYS_pidfd_send_signal, process.number, SIGKILL, nullptr, 0) != 0 &&
        errno != ESRCH)
        return unknown("still_dying", std::strerror(errno));
    pollfd dead{process.number, POLLIN, 0};
    if (::poll(&dead, 1, dying_ms_max) != 1)
        return unknown("still_dying", "process " + std::to_string(pid));
    return {};
}

}  // namespace caravan::libvirt
