// The contract's world on real hosts: two hosts of a lab, each with an adapter in a process of its
// own inside the host's namespaces. What the lab must do is asked of one script:
//
//   SCRIPT enter HOST COMMAND…   runs a command inside a host's namespaces
//   SCRIPT boot VM | connect JOB VM UUID WHOLE-DISK LIVE-XML PERSISTENT-XML | disconnect JOB | slow on|off
//   SCRIPT daemon HOST | power HOST | qemu HOST VM | shut HOST VM | hang HOST VM | whole VM | leftovers HOST VM JOB | reset
// with HOST source or destination.
#pragma once

#include "tests/contract/hypervisor/world.hpp"

namespace caravan::contract {

class libvirt_lab : public world_of_processes {
  public:
    virtual void shut_down(side, const std::string& vm) = 0;  // by its owner
    // Its QEMU answers nothing any more, and somebody waits for an answer of it. Never ends.
    virtual void hang(side, const std::string& vm) = 0;
};

// `script` and the emulator as the hosts see it.
std::unique_ptr<libvirt_lab> make_libvirt_world(const std::string& script, const std::string& emulator);

}  // namespace caravan::contract
