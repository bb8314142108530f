// sim_hypervisor: one simulated host, as its agent sees it. The copies live in the world, so that
// they outlive whoever asked for them, as libvirt's peer-to-peer copies do.
#pragma once

#include "adapters/sim/world.hpp"

namespace caravan::sim {

class sim_hypervisor final : public port::hypervisor {
  public:
    // Both must outlive it. A new one in the place of an old one is an agent that was restarted.
    sim_hypervisor(world& w, place where, port::hypervisor_listener& listener)
        : world_(w), where_(std::move(where)) {
        world_.listen(where_, &listener);
    }
    ~sim_hypervisor() override { world_.listen(where_, nullptr); }

    result<port::host_description> describe() override { return world_.describe(where_); }
    result<std::vector<port::vm_observation>> observe() override { return world_.observe(where_); }
    result<void> stage(const job& j) override { return world_.stage(where_, j); }
    result<void> discard(const job& j) override { return world_.discard(where_, j); }
    result<void> start_copy(const job& j) override { return world_.start_copy(where_, j); }
    result<void> abort_copy(const job& j) override { return world_.abort_copy(where_, j); }
    result<void> prove_off(const job& j) override { return world_.prove_off(where_, j); }
    result<void> resume(const job& j) override { return world_.resume(where_, j); }

  private:
    world& world_;
    const place where_;
};

}  // namespace caravan::sim
