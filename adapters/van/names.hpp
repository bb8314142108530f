// names: what a VAN's devices and a guest's port are called on a host. Pure; equal names come from
// equal questions, so that an agent that was killed finds again what it made, and libvirt's
// <interface><target dev='…'/> and the host's network agree without talking to each other.
//
// Linux keeps 15 characters of a device's name (IFNAMSIZ, linux/if.h).
#pragma once

#include <cstddef>
#include <string>

#include "events/chain.hpp"
#include "events/ids.hpp"

namespace caravan::van {

inline bool fits_devices(const van_name& van) noexcept {
    return valid_name(van.text) && van.text.size() <= van_name_max;
}

inline std::string bridge_name(const van_name& van) {
    return "cv-" + van.text;
}
inline std::string vxlan_name(const van_name& van) {
    return "vx-" + van.text;
}

// The tap of a migrated guest's nic (counted from 0, in the order of vm_spec::nics). libvirt keeps
// names that do not begin with its own prefixes (vnet, vif, macvtap, macvlan) when a domain is
// started.
inline std::string tap_name(const migration_id& id, std::size_t nic) {
    const auto question = id.text + ":" + std::to_string(nic);
    return "cvt" + chain::hex(chain::sha256(question)).substr(0, 11);
}

}  // namespace caravan::van
