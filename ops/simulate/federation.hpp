// federation: clouds, the feeds between them and the world under them, advanced step by step by one
// thread in the order that one seed says.
#pragma once

#include "adapters/sim/guest.hpp"
#include "ops/simulate/cloud.hpp"

namespace caravan::simulate {

struct shape {
    std::size_t clouds = 2, hosts = 2, vms = 8;  // hosts: of each cloud
    bytes host_memory = bytes{64} << 30;
    bool liar = false;  // one more peer of all, which has no guests and tells what it likes
};

sim::feed_faults usual_feed();  // over the WAN, when nothing is wrong

class federation {
  public:
    federation(agenda&, std::uint64_t seed, const shape&, history&, const log_to&);
    void start();  // boots the guests and starts all processes

    // One step of one process, or one thing that was due; lets time pass when there is none. False: no
    // more will ever happen.
    bool step();

    cloud& of(const cloud_name&);
    std::string vm_name_of(std::size_t vm) const { return "vm" + std::to_string(vm + 1); }
    van_name van_of(std::size_t vm) const { return van_name("lan" + std::to_string(vm / 8 + 1)); }
    std::size_t first_cloud_of(std::size_t vm) const { return vm % clouds.size(); }
    std::size_t guests_of_a_host() const { return static_cast<std::size_t>(room_ / sim::guest{}.memory); }
    sim::feed_line& feed_between(const cloud& from, const cloud& to);
    void each_feed(const std::function<void(sim::feed_line&)>&);
    bool has_liar() const { return !lies_.empty(); }
    static cloud_name liar() { return cloud_name("mallory"); }
    void tell_lie(const cloud& to, const port::feed_record&);
    sim::feed_line& feed(std::size_t from, std::size_t to) { return *feeds_[from * clouds.size() + to]; }

    agenda& time;
    sim::world world;
    std::vector<std::unique_ptr<cloud>> clouds;
    std::uint64_t steps = 0;

  private:
    const bytes room_;  // of a host, for guests
    const std::size_t vms_;
    std::vector<std::unique_ptr<sim::feed_line>> feeds_;  // from × to
    std::vector<std::unique_ptr<sim::feed_line>> lies_, unheard_;  // of the liar, to and from each cloud
};

}  // namespace caravan::simulate
