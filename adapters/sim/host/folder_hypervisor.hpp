// folder_hypervisor: the hypervisor port on a host whose VMs are files (vm_files.hpp). It stands where
// libvirt and QEMU stand: a copy goes from socket to socket through the agents' and the proxies' real
// channel, and its control stream through the real gates, in libvirt's words (talk.hpp).
//
// What is simulated: no guest computes, so nothing changes while it is copied; time over the wire is
// `rate` alone. What is not: the bytes of memory and disk arrive, or the copy does not.
//
// - The VMs outlive this process; a copy under way ends with it, as its streams do: the source runs
//   on or, once it was paused for switching over, stays paused; the destination keeps what was staged.
// - A VM may be put into the folder, changed (its state) or taken away by others: told within 100 ms.
#pragma once

#include <memory>

#include "actors/ports/hypervisor.hpp"

namespace caravan::sim {

// The base image that every simulated host holds.
inline const std::string simulated_base = "sha256:" + std::string(64, 'b');

struct folder_host {
    std::string folder;  // exists; short: sockets are made in it (unix(7): paths of 107 bytes)
    bytes rate = 0;      // of one copy, bytes/s; 0: as fast as it goes
};

class folder_hypervisor final : public port::hypervisor {
  public:
    // Transient "cannot_listen". The listener outlives it, and must not call it from what it is told.
    static result<std::unique_ptr<folder_hypervisor>> open(const folder_host&, port::hypervisor_listener&);
    ~folder_hypervisor() override;

    // What libvirt's socket is to an agent's channel.
    std::string daemon_socket() const;

    result<port::host_description> describe() override;
    result<std::vector<port::vm_observation>> observe() override;
    // Besides the port's: permanent "bad_name", "vm_exists", "image_exists"; transient "no_disk_room".
    result<void> stage(const job&) override;
    result<void> discard(const job&) override;  // permanent "still_running"
    result<void> start_copy(const job&) override;
    result<void> abort_copy(const job&) override;  // permanent "not_of_this_job"
    result<void> prove_off(const job&) override;   // permanent "still_running"
    result<void> resume(const job&) override;

  private:
    struct body;
    explicit folder_hypervisor(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::sim
