// kit: two clouds' agents and proxies over loopback, with programs at both ends that stand for
// libvirt and QEMU. Every wait has a deadline.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/channel/agent_channel.hpp"
#include "adapters/channel/proxy_channel.hpp"
#include "adapters/channel/ticket_check.hpp"
#include "tests/contract/channel/middle_man.hpp"
#include "tests/unit/tls/pki.hpp"

namespace caravan::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// Looks every few ms until it holds, or the deadline.
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within = 5s);

// A file descriptor with blocking reads and writes that give up.
class line {
  public:
    explicit line(int end = -1) : end_(end) {}
    line(line&& other) noexcept : end_(std::exchange(other.end_, -1)) {}
    line& operator=(line&& other) noexcept;
    ~line() { close(); }
    bool good() const { return end_ >= 0; }
    int fd() const { return end_; }
    void close();
    bool send(std::string_view text);  // false: the other end has closed, or takes nothing for 5 s
    std::string read(std::size_t size,
                     std::chrono::milliseconds within = 5s);  // less: closed, late
    bool closes(std::chrono::milliseconds within = 5s);  // reads on until the other end has closed

  private:
    int end_;
};
line connect_unix(const std::string& path);

// A program that listens on a unix socket, as libvirtd or QEMU does.
class listener_program {
  public:
    explicit listener_program(std::string path);
    ~listener_program();
    line accept(std::chrono::milliseconds within = 5s);

  private:
    std::string path_;
    int end_;
};

class hand_clock final : public port::clock {
  public:
    instant now() const noexcept override { return instant(duration(micros)); }
    std::atomic<std::int64_t> micros{1'800'000'000'000'000};
};

struct heard final : port::channel_listener {
    template <class Do>
    auto note(Do what) {
        const std::lock_guard hold(lock);
        return what();
    }
    void refused(const port::channel_refusal& r) override {
        note([&] { refusals.push_back(r); });
    }
    void closed(const migration_id& id, const std::string& why) override {
        note([&] { closings.push_back({id, why, {}}); });
    }
    void destination_ready(const migration_id&) override {
        note([&] { ++ready; });
    }
    void record_heard(const migration_id&, const std::string& bytes) override {
        note([&] { records.push_back(bytes); });
    }
    bool was_refused(const std::string& reason);
    bool was_closed(const std::string& reason);
    std::mutex lock;
    std::vector<port::channel_refusal> refusals, closings;
    std::vector<std::string> records;
    int ready = 0;
};

// thales sends to umea, through a middle man.
class federation {
  public:
    explicit federation(std::chrono::milliseconds stall = 7s);
    ~federation();
    std::string source_socket(const std::string& kind) const;
    std::string destination_socket(const std::string& kind) const;
    // Opens the job at all four, or at what `where` names of "a" "A" "B" "b" (agents are small).
    void open_all(const std::string& where = "aABb");
    void sign();  // after a change to `leave`
    bool records_stand();

    pki keys;
    hand_clock clock;
    const std::chrono::milliseconds stall;
    pki::pair ticket_files;
    ticket leave;
    job at_source, at_destination;
    heard agent_a_heard, proxy_a_heard, proxy_b_heard, agent_b_heard;
    std::unique_ptr<channel::proxy_channel> proxy_b;
    std::unique_ptr<middle_man> wan;
    std::unique_ptr<channel::proxy_channel> proxy_a;
    std::unique_ptr<channel::agent_channel> agent_a, agent_b;
};

std::string random_bytes(std::size_t size, unsigned seed);
std::size_t open_descriptors();

}  // namespace caravan::test
