// Two whole clouds in one process, on simulated hosts: controllers with real journals (SQLite) and
// real feeds (files) in a temporary folder, a proxy and agents each, driven by real threads. For
// the tests here, for chaos and for benchmarks.
#pragma once

#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/runtime/controller.hpp"
#include "actors/runtime/site.hpp"
#include "adapters/clock/system_clock.hpp"
#include "adapters/sim/channel.hpp"
#include "adapters/sim/guest.hpp"
#include "adapters/sim/hypervisor.hpp"
#include "adapters/sim/link.hpp"
#include "adapters/sim/network.hpp"
#include "adapters/sqlite/sqlite_journal.hpp"

namespace caravan::testing {

using namespace std::chrono_literals;

struct ground {
    std::size_t hosts = 2;  // of each cloud
    bytes memory = bytes{64} << 30;
    sim::pace pace;
    std::size_t threads = 2;  // for the actors of a controller, and as many for those of its sites
    bool loud = false;  // logs of all parts on stderr
};

struct receipt {
    std::string status, reason, text;
    position at;
    migration_id migration;
};

// Counts what passes to a journal.
struct journal_counts {
    std::atomic<std::uint64_t> commits = 0, events = 0, bytes = 0, microseconds = 0;
};

class whole_cloud {
  public:
    whole_cloud(sim::world&, cloud_name own, cloud_name peer, std::filesystem::path folder,
                const ground&);
    ~whole_cloud();

    void start_controller();
    void stop_controller();  // as a crash would, but that its threads end
    void lose_feed();        // what this cloud tells; while its controller is stopped
    void keep_journal(const std::string& copy) const;      // while its controller is stopped
    void put_back_journal(const std::string& copy) const;  // the same
    void start_sites();
    void stop_sites();

    sim::place place_of(std::size_t host) const { return {name, host_names.at(host)}; }
    port::device device_of(std::size_t host) const {
        return {port::device_kind::agent, host_names.at(host).text};
    }
    port::device proxy_device() const { return {port::device_kind::proxy, proxy_name}; }
    std::string read(const std::string& path);  // what the desk shows at once
    receipt submit(const std::string& type, const std::string& subject, const std::string& data,
                   std::string id = "", port::role as = port::role::operator_);
    receipt migrate(const std::string& vm, const std::string& more = "");  // to the peer
    topology::vm_view vm(const std::string& name) const;
    std::optional<topology::migration_view> migration(const migration_id&) const;
    bool ended(const migration_id&) const;
    bool is_as_replayed() const;  // what the controller shows now is what its journal says, byte for byte
    std::vector<port::entry> entries() const;
    const port::journal& journal() const { return *journal_; }

    const cloud_name name, peer;
    std::vector<host_name> host_names;
    const std::string proxy_name;
    std::atomic<bool> feed_outage = false;  // of what this cloud tells
    journal_counts counts;
    std::unique_ptr<runtime::controller> controller;
    std::vector<std::unique_ptr<runtime::agent>> agents;
    std::unique_ptr<runtime::site_proxy> proxy;
    sim::sim_site_network* site_routes = nullptr;

  private:
    struct agent_house;
    struct proxy_house;
    std::function<void(const std::string&)> log_of(const std::string& who) const;

    sim::world& world_;
    const std::filesystem::path folder_;
    const ground ground_;
    adapter::system_clock clock_;
    std::atomic<std::uint64_t> next_ = 1;
    caf::actor_system_config config_;
    // A thread that ever spawned in a system must end before it (CAF's loggers): so for all lives.
    std::unique_ptr<caf::actor_system> site_actors_, controller_actors_;
    sim::timer_thread wires_;

  public:
    sim::link_hub hub;  // its wires end before it

  private:
    std::unique_ptr<port::link_server> server_;
    std::unique_ptr<adapter::sqlite_journal> sqlite_;
    std::unique_ptr<port::journal> journal_;
    std::vector<std::unique_ptr<agent_house>> agent_houses_;
    std::unique_ptr<proxy_house> proxy_house_;
};

class federation {
  public:
    explicit federation(const ground& = {});
    ~federation();

    // Boots a guest and waits until its cloud has found it.
    void boot(whole_cloud& at, std::size_t host, const sim::guest&);
    whole_cloud& other(const whole_cloud& one) { return &one == &a ? b : a; }
    whole_cloud& cloud_of(const cloud_name& name) { return name == a.name ? a : b; }
    // Where it runs; empty unless it runs once.
    sim::place home_of(const std::string& vm) const;

  private:
    struct temporary {
        temporary();
        ~temporary();
        std::filesystem::path path;
    };
    temporary folder_;
    sim::timer_thread time_;

  public:
    sim::world world;
    whole_cloud a, b;
};

// Looks until it holds; false if it does not in time.
template <class F>
bool await(F holds, std::chrono::milliseconds at_most = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    for (;;) {
        if (holds()) return true;
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(2ms);
    }
}

}  // namespace caravan::testing
