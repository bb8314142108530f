// Guests and hosts with plausible figures, for simulations: what libvirt would tell of a small one.
#pragma once

#include "actors/ports/hypervisor.hpp"

namespace caravan::sim {

inline const std::string base_digest = "sha256:" + std::string(64, 'b');

struct guest {
    std::string name, van;
    std::uint32_t number = 1;  // below 65536; MAC and UUID are made of it
    bytes memory = 128 << 20, overlay = 8 << 20;
};
vm_spec spec_of(const guest&);

// A host that can take guests of that kind.
port::host_description host_for_guests(bytes memory = bytes{64} << 30);

}  // namespace caravan::sim
