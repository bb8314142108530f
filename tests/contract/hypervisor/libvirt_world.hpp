// The contract's world on real hosts: two hosts of a lab, each with an adapter in a process of its
// own inside the host's namespaces. What the lab must do is asked of one script:
//
//   SCRIPT enter HOST COMMAND…   runs a command inside a host's namespaces
//   SCRIPT boot VM | connect JOB VM UUID WHOLE-DISK LIVE-XML PERSISTENT-XML | disconnect JOB | slow on|off
//   SCRIPT daemon HOST | power HOST | qemu HOST VM | whole VM | leftovers HOST VM JOB | reset
// with HOST source or destination.
#pragma once

#include "tests/contract/hypervisor/world.hpp"

namespace caravan::contract {

// `script` and the emulator as the hosts see it.
std::unique_ptr<world_of_processes> make_libvirt_world(const std::string& script, const std::string& emulator);

}  // namespace caravan::contract
