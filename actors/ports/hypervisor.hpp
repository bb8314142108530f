// hypervisor: one host's VMs, as an agent needs them. libvirt's words throughout.
//
// Every call converges on a state: asked twice for the same job, or asked after the work was already
// done by an earlier life of the agent, it observes first and answers ok. Calls block; each runs on a
// thread of the adapter actor. A failure of kind `unknown` means: observe() before anything else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "events/job.hpp"
#include "events/result.hpp"

namespace caravan::port {

struct host_description {
    bytes memory = 0;               // for guests
    std::uint32_t cpus = 0;
    std::vector<std::string> machines;      // machine types that can run here
    std::vector<std::string> cpu_models;    // CPU models that can run here
    std::vector<std::string> base_digests;  // base images held, "sha256:…"
    bytes disk_free = 0;
    friend bool operator==(const host_description&, const host_description&) = default;
};

enum class run_state : std::uint8_t {
    absent,   // not defined, and no file of the job is left
    litter,   // not defined, but files or sockets of the job are
    off,      // defined, no process
    running,
    paused,   // by the user, or as an incoming copy that is whole ("ready")
    arriving, // an incoming copy that is not whole yet
    stuck,    // paused by an error; I/O error or failed post-copy
};

struct vm_observation {
    vm_spec vm;
    run_state state = run_state::absent;
    bool job_active = false;  // a libvirt migration job runs on it
    bool held = false;        // its QEMU does not answer: whether a job runs on it cannot be said
    friend bool operator==(const vm_observation&, const vm_observation&) = default;
};

struct copy_progress {
    migration_id id;
    bytes disk_done = 0, disk_total = 0, memory_done = 0, memory_total = 0;
    bytes rate = 0;              // bytes/s over the last second
    bytes dirty_rate = 0;        // bytes/s
    duration downtime{};         // as libvirt last measured or expects it
    friend bool operator==(const copy_progress&, const copy_progress&) = default;
};

// Told from a thread of the adapter, at any time, also for what nobody asked for.
class hypervisor_listener {
  public:
    virtual ~hypervisor_listener() = default;
    virtual void vm_changed(const vm_observation&) = 0;     // any lifecycle event, at once
    virtual void copy_progressed(const copy_progress&) = 0;  // at most 4 a second per job
    // A copy begins, or one is found under way: whatever copy_ended said before is of an earlier one of that job.
    virtual void copy_begun(const migration_id&) = 0;
    // The end of what copy_begun told, exactly once. ok: the source is off or paused
    // and the destination said it is ready. A failure of kind unknown: nobody can say from here.
    virtual void copy_ended(const migration_id&, const result<void>&) = 0;
};

class hypervisor {
  public:
    virtual ~hypervisor() = default;
    virtual result<host_description> describe() = 0;
    // All VMs, with specifications; discovered, never registered.
    virtual result<std::vector<vm_observation>> observe() = 0;

    // Destination: the overlay (cow: on its base by digest, permanent "no_base_image" if not held;
    // disk: room checked), and the answers to gate questions (own XMLs) ready: see own_domain().
    virtual result<void> stage(const job&) = 0;
    // Destination, before the pivot, or source, after it: destroys a copy that is not running by right,
    // undefines it, removes its disk, sockets and files of the job; refreshes the pool. One that runs is let
    // be, permanent "still_running", unless the job is forfeited. A VM that this job never staged here is another's:
    // it is not touched, and nothing of the job is left.
    virtual result<void> discard(const job&) = 0;

    // Source: begins the copy and answers once libvirt has accepted it; copy_ended follows. If the job
    // already runs, follows it. A VM that is not running here: permanent "vm_not_running". A hypervisor that does not
    // answer: unknown, since the copy may be under way.
    virtual result<void> start_copy(const job&) = 0;
    // Source: aborts the libvirt job; ok when no job is left and the VM runs: resumed if need be, started if
    // the copy took its process; left off if its owner shut it down meanwhile. Said late, of a VM that another
    // job is bringing here: permanent "not_of_this_job", and that copy is let be.
    virtual result<void> abort_copy(const job&) = 0;
    // Source: ok only when the VM's process is proven gone: destroys a paused copy by pidfd.
    virtual result<void> prove_off(const job&) = 0;
    // Destination, which holds the run-right: resumes the paused copy, or starts it from its disk if its
    // process died since; ok if it already runs. Permanent "copy_not_whole" if what is here is neither.
    virtual result<void> resume(const job&) = 0;
};

}  // namespace caravan::port
