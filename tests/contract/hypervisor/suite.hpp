// The hypervisor port's contract. Each check gets a fresh world, in which nothing is left by
// others.
#pragma once

#include <functional>

#include "adapters/sim/copy_faults.hpp"
#include "tests/contract/hypervisor/world.hpp"

namespace caravan::contract {

struct check {
    const char* name;
    void (*run)(world&);
};

// For each world: for (const auto& c : hypervisor_contract) DYNAMIC_SECTION(c.name) {
// c.run(*make()); }
extern const std::vector<check> hypervisor_contract;

// A VM's state at that side, as its adapter observes it; absent if it does not.
port::vm_observation see(world&, side, const std::string& vm);
// A VM "vm1" has been moved to the destination and runs there. Answers the destination's job.
job arrives(world&);

// What becomes of a VM and its copy when something happens while it is copied: the table by which hosts are
// simulated (adapters/sim/copy_faults.hpp), looked up in a world. Only what happens before the switchover: from
// there on a copy is held by the gates, not by this port (tests/lab/faults.table has those rows).
struct fault_check {
    std::string name;
    sim::fault_row row;
};
std::vector<fault_check> fault_checks();
void becomes_what_the_table_says(world_of_processes&, const sim::fault_row&);

}  // namespace caravan::contract
