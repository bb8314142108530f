// Looking at domains: what libvirt and the disk say of a VM, in the port's words.
#pragma once

#include <optional>

#include "actors/ports/hypervisor.hpp"
#include "adapters/libvirt/domain_xml.hpp"
#include "adapters/libvirt/handles.hpp"
#include "adapters/libvirt/images.hpp"

namespace caravan::libvirt {

// What virDomainGetState and the job say.
struct domain_state {
    int state = VIR_DOMAIN_NOSTATE;  // virDomainState
    int reason = 0;
    int job = VIR_DOMAIN_JOB_NONE;  // virDomainJobType
    int operation = 0;              // virDomainJobOperation, of a job that is active
    bool persistent = false;
    bool held = false;  // a command to QEMU is not answered: whether a job is active cannot be said

    bool active() const noexcept {
        return state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_NOSTATE;
    }
    bool off() const noexcept { return state == VIR_DOMAIN_SHUTOFF; }
    bool running() const noexcept;
    bool copying() const noexcept;  // a migration job is active, either way
    bool paused_for_copy() const noexcept {
        return state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION;
    }
    // An incoming copy that is all here: paused by nobody's fault, defined, no job.
    bool whole() const noexcept;
    // Whoever shut it down or destroyed it meant it; all else took it from its owner.
    bool meant_to_be_off() const noexcept;
};
// Unknown "guest_does_not_answer" where `held`. Waits at most once, for 30 s, for a QEMU that hangs.
result<domain_state> look(virDomainPtr);

// An active job's figures; `id` is left empty.
struct job_figures {
    int type = VIR_DOMAIN_JOB_NONE, operation = 0;
    port::copy_progress progress;
};
result<job_figures> look_at_job(virDomainPtr);

// Pure: virDomainState and its reason to the port's run states.
port::run_state run_state_of(const domain_state&) noexcept;

// Null if there is none; by UUID, or by name where the UUID is empty.
result<domain_handle> find_domain(const connect_handle&, const vm_spec&);
result<std::string> domain_text(virDomainPtr, unsigned flags);  // virDomainGetXMLDesc

// The whole observation. A VM whose XML may not cross has an empty neutral_xml.
result<port::vm_observation> observe_domain(virDomainPtr, base_images&);

}  // namespace caravan::libvirt
