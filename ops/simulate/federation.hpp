// federation: clouds, the feeds between them and the world under them, advanced step by step by one
// thread in the order that one seed says.
#pragma once

#include "ops/simulate/cloud.hpp"

namespace caravan::simulate {

struct shape {
    std::size_t clouds = 2, hosts = 2, vms = 8;  // hosts: of each cloud
    bytes host_memory = bytes{64} << 30;
};

class federation {
  public:
    federation(std::uint64_t seed, const shape&, history&, const log_to&);

    // One step of one process, or one thing that was due; lets time pass when there is none. False: no
    // more will ever happen.
    bool step();

    cloud& of(const cloud_name&);
    std::string vm_name_of(std::size_t vm) const { return "vm" + std::to_string(vm + 1); }
    std::size_t first_cloud_of(std::size_t vm) const { return vm % clouds.size(); }
    sim::feed_line& feed(std::size_t from, std::size_t to) { return *feeds_[from * clouds.size() + to]; }

    agenda time;
    sim::world world;
    std::vector<std::unique_ptr<cloud>> clouds;
    std::uint64_t steps = 0;

  private:
    dice choose_;
    std::vector<std::unique_ptr<sim::feed_line>> feeds_;  // from × to
};

}  // namespace caravan::simulate
