// The hypervisor port's contract. Each check gets a fresh world, in which nothing is left by
// others.
#pragma once

#include <functional>

#include "tests/contract/hypervisor/world.hpp"

namespace caravan::contract {

struct check {
    const char* name;
    void (*run)(world&);
};

// For each world: for (const auto& c : hypervisor_contract) DYNAMIC_SECTION(c.name) {
// c.run(*make()); }
extern const std::vector<check> hypervisor_contract;

}  // namespace caravan::contract
