// copy: one outgoing live copy (virDomainMigrateToURI3, peer-to-peer, destination left paused),
// begun by us or found running and followed. libvirtd carries it on by itself: when the adapter
// goes, the copy stays.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "actors/ports/hypervisor.hpp"
#include "adapters/libvirt/connection.hpp"
#include "adapters/libvirt/job_files.hpp"
#include "adapters/libvirt/looking.hpp"

namespace caravan::libvirt {

// What a copy's end means. Pure.
//   `said`: what virDomainMigrateToURI3 answered; empty if the copy was only followed.
//   `seen`: the domain afterwards; empty if it is not there.
// ok: libvirt said so and the VM is paused or off; or it is off because it migrated, which libvirt
// records only after the destination's Finish. Running: it did not happen. Else unknown.
result<void> ending_of(const std::optional<result<void>>& said,
                       const std::optional<domain_state>& seen);

class copy {
  public:
    copy(connection&, port::hypervisor_listener&, job, job_sockets);
    ~copy();  // stops following

    // Answers when libvirt has accepted (its job is active), or refused. From an ok on,
    // copy_ended is told exactly once.
    result<void> begin(virDomainPtr);
    void follow();  // one that is running already, or just ended

    void nudge();  // the domain changed: look now
    bool ended() const;
    const job& work() const noexcept { return job_; }

  private:
    struct call;  // shared with the thread that sits in libvirt's call, which may outlive us

    void watch(const std::stop_token&);
    bool look_once(bool& downtime_set);
    void conclude();

    connection& link_;
    port::hypervisor_listener& tell_;
    const job job_;
    const job_sockets sockets_;
    std::shared_ptr<call> call_;
    std::chrono::steady_clock::time_point told_{};  // the last progress
    std::jthread watcher_;
};

}  // namespace caravan::libvirt
