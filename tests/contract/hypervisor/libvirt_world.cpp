#include "tests/contract/hypervisor/libvirt_world.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "tests/contract/hypervisor/archive.hpp"

extern char** environ;

namespace caravan::contract {
namespace {

// One adapter in a process inside its host.
class far_hypervisor final : public port::hypervisor {
  public:
    far_hypervisor(const std::string& script, const std::string& host, const std::string& emulator,
                   told& tell) {
        int down[2], up[2];
        REQUIRE((::pipe2(down, O_CLOEXEC) == 0 && ::pipe2(up, O_CLOEXEC) == 0));
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, down[0], 0);
        posix_spawn_file_actions_adddup2(&files, up[1], 1);
        posix_spawnattr_t own_group;
        posix_spawnattr_init(&own_group);
        posix_spawnattr_setflags(&own_group, POSIX_SPAWN_SETPGROUP);
        const char* words[] = {script.c_str(),  "enter",          host.c_str(),
                               ON_HOST_PROGRAM, emulator.c_str(), nullptr};
        REQUIRE(::posix_spawn(&child_, script.c_str(), &files, &own_group,
                              const_cast<char**>(words), environ) == 0);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&own_group);
        ::close(down[0]);
        ::close(up[1]);
        to_ = down[1];
        from_ = up[0];
        reader_ = std::thread([this, &tell] { listen(tell); });
    }
    ~far_hypervisor() override {
        ::kill(-child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        ::close(to_);
        reader_.join();
        ::close(from_);
    }
    far_hypervisor(const far_hypervisor&) = delete;
    far_hypervisor& operator=(const far_hypervisor&) = delete;

    result<port::host_description> describe() override { return ask<port::host_description>('D'); }
    result<std::vector<port::vm_observation>> observe() override {
        return ask<std::vector<port::vm_observation>>('O');
    }
    result<void> stage(const job& j) override { return ask<void>('s', j); }
    result<void> discard(const job& j) override { return ask<void>('d', j); }
    result<void> start_copy(const job& j) override { return ask<void>('c', j); }
    result<void> abort_copy(const job& j) override { return ask<void>('a', j); }
    result<void> prove_off(const job& j) override { return ask<void>('o', j); }
    result<void> resume(const job& j) override { return ask<void>('r', j); }
    std::pair<std::string, std::string> own_domains(const job& j) {
        std::pair<std::string, std::string> own;
        unpack(call('x', j), own.first, own.second);
        return own;
    }

  private:
    template <class T>
    result<T> ask(char what, const job& j = {}) {
        result<T> answer = unknown("adapter_died");
        unpack(call(what, j), answer);
        return answer;
    }
    std::string call(char what, const job& j) {
        const auto asked = what + pack(j);
        const auto size = static_cast<std::uint32_t>(asked.size());
        const auto frame = std::string(reinterpret_cast<const char*>(&size), sizeof size) + asked;
        std::unique_lock lock(mutex_);
        answer_.reset();
        if (::write(to_, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
            return {};
        changed_.wait(lock, [this] { return answer_ || dead_; });
        return answer_.value_or(pack(result<void>(unknown("adapter_died"))));
    }
    bool read_whole(void* to, std::size_t size) {
        for (auto* at = static_cast<char*>(to); size > 0;) {
            const auto n = ::read(from_, at, size);
            if (n <= 0) return false;
            at += n;
            size -= static_cast<std::size_t>(n);
        }
        return true;
    }
    void listen(told& tell) {
        for (std::uint32_t size; read_whole(&size, sizeof size);) {
            std::string bytes(size, '\0');
            if (!read_whole(bytes.data(), size)) break;
            take(bytes[0], bytes.substr(1), tell);
        }
        const std::lock_guard lock(mutex_);
        dead_ = true;
        changed_.notify_all();
    }
    void take(char what, const std::string& bytes, told& tell) {
        if (what == 'v') {
            port::vm_observation seen;
            unpack(bytes, seen);
            tell.vm_changed(seen);
        } else if (what == 'p') {
            port::copy_progress now;
            unpack(bytes, now);
            tell.copy_progressed(now);
        } else if (what == 'b') {
            migration_id id;
            unpack(bytes, id);
            tell.copy_begun(id);
        } else if (what == 'e') {
            migration_id id;
            result<void> end;
            unpack(bytes, id, end);
            tell.copy_ended(id, end);
        } else {
            const std::lock_guard lock(mutex_);
            answer_ = bytes;
            changed_.notify_all();
        }
    }

    pid_t child_ = 0;
    int to_ = -1, from_ = -1;
    std::thread reader_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::string> answer_;
    bool dead_ = false;
};

class libvirt_world final : public libvirt_lab {
  public:
    libvirt_world(std::string script, std::string emulator)
        : script_(std::move(script)), emulator_(std::move(emulator)) {
        REQUIRE(::mkdtemp(folder_.data()));
        ::signal(SIGPIPE, SIG_IGN);  // an adapter that died answers "adapter_died"
        run("reset");
        restart_adapter(side::source);
        restart_adapter(side::destination);
    }
    ~libvirt_world() override {
        (void)std::system((script_ + " reset").c_str());
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    port::hypervisor& at(side s) override { return *hosts_[index(s)]; }
    told& heard(side s) override { return *told_[index(s)]; }
    void boot(const std::string& name) override { run("boot " + name); }
    void connect(const job& a, const job& b) override {
        const auto own = hosts_[index(side::destination)]->own_domains(b);
        const std::string live = folder_ + "/live", lasting = live + "-persistent";
        std::ofstream(live) << own.first;
        std::ofstream(lasting) << own.second;
        run("connect " + a.id.text + " " + a.vm.name.text + " " + a.vm.uuid + " " +
            (a.mode == copy_mode::disk ? "1 " : "0 ") + live + " " + lasting);
    }
    void disconnect(const job& j) override { run("disconnect " + j.id.text); }
    void slow(bool on) override { run(std::string("slow ") + (on ? "on" : "off")); }
    void restart_adapter(side s) override {
        hosts_[index(s)].reset();
        told_[index(s)] = std::make_unique<told>();
        hosts_[index(s)] =
            std::make_unique<far_hypervisor>(script_, name_of(s), emulator_, *told_[index(s)]);
    }
    void restart_daemon(side s) override {
        run(std::string("daemon ") + name_of(s));
        back(s);
    }
    void power_loss(side s) override {
        run(std::string("power ") + name_of(s));
        restart_adapter(s);
        back(s);
    }
    void kill_guest(side s, const std::string& name) override { run("qemu " + std::string(name_of(s)) + " " + name); }
    void shut_down(side s, const std::string& vm) override { run("shut " + std::string(name_of(s)) + " " + vm); }
    void hang(side s, const std::string& vm) override { run("hang " + std::string(name_of(s)) + " " + vm); }
    bool guest_is_whole(const std::string& name) override {
        return std::system((script_ + " whole " + name).c_str()) == 0;
    }
    std::vector<std::string> leftovers(side s, const job& j) override {
        return lines("leftovers " + std::string(name_of(s)) + " " + j.vm.name.text + " " +
                     j.id.text);
    }

  private:
    static std::size_t index(side s) { return s == side::source ? 0 : 1; }
    static const char* name_of(side s) { return s == side::source ? "source" : "destination"; }
    void run(const std::string& words) {
        INFO(words);
        REQUIRE(std::system((script_ + " " + words).c_str()) == 0);
    }
    void back(side s) {
        REQUIRE(heard(s).await([&] { return at(s).observe().has_value(); }));
    }
    std::vector<std::string> lines(const std::string& words) {
        std::vector<std::string> all;
        const std::unique_ptr<FILE, int (*)(FILE*)> out(
            ::popen((script_ + " " + words).c_str(), "re"), ::pclose);
        for (std::array<char, 512> line; std::fgets(line.data(), line.size(), out.get());)
            all.emplace_back(line.data());
        return all;
    }

    std::string script_, emulator_, folder_ = "/tmp/caravan-contract-XXXXXX";  // what domains are made from
    std::array<std::unique_ptr<told>, 2> told_;
    std::array<std::unique_ptr<far_hypervisor>, 2> hosts_;
};

}  // namespace

std::unique_ptr<libvirt_lab> make_libvirt_world(const std::string& script, const std::string& emulator) {
    return std::make_unique<libvirt_world>(script, emulator);
}

}  // namespace caravan::contract
