// The source's half of a copy: start, abort, and the proof that the VM is off.
#include <algorithm>
#include <fstream>
#include <thread>

#include "adapters/libvirt/failures.hpp"
#include "adapters/libvirt/parts.hpp"
#include "adapters/libvirt/process.hpp"

namespace caravan::libvirt {
namespace {

using namespace std::chrono_literals;

constexpr auto abort_wait_max = 30s;  // libvirt itself gives up a stalled Finish after 16 s
constexpr auto abort_poll = 20ms;
// From the Finish reply until libvirt has ended the source's QEMU: 30 … 80 ms were seen.
constexpr auto usual_end = 300ms;

// While a VM moves its host must not start it by itself: after a reboot it may run elsewhere. What it
// was before is kept with the domain, so that an abort can give it back.
constexpr auto note_uri = "urn:caravan:domain:1";
constexpr auto note_was_autostart = "<autostart/>";
constexpr unsigned note_where = VIR_DOMAIN_AFFECT_CONFIG;

void suspend_autostart(virDomainPtr domain) {
    int on = 0;
    if (virDomainGetAutostart(domain, &on) < 0 || !on) return;
    virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, note_was_autostart, "caravan", note_uri, note_where);
    virDomainSetAutostart(domain, 0);
}

void restore_autostart(virDomainPtr domain) {
    if (!c_text(virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, note_uri, note_where))) return;
    virDomainSetAutostart(domain, 1);
    virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, nullptr, nullptr, note_uri, note_where);
}

bool migrated_away(const domain_state& seen) noexcept {
    return seen.off() && seen.reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
}

// A copy of the difference is whole only on the base image that the destination was told of.
result<void> stands_on_its_bases(virDomainPtr domain, base_images& bases, const job& work) {
    if (work.mode != copy_mode::cow) return {};
    const auto seen = observe_domain(domain, bases);
    if (!seen) return tl::unexpected(seen.error());
    for (const auto& disk : work.vm.disks) {
        const auto now = std::ranges::find(seen->vm.disks, disk.target, &disk_spec::target);
        if (now == seen->vm.disks.end() || now->base_digest != disk.base_digest)
            return permanent("base_image_changed", disk.target);
    }
    return {};
}

pid_t process_of(const std::string& folder, const std::string& name) {
    pid_t pid = 0;
    std::ifstream(folder + "/" + name + ".pid") >> pid;
    return pid;
}

// That it is off will be believed by its process being gone: whoever cannot see it now would see it gone always.
result<void> sees_process(const std::string& folder, const std::string& name) {
    if (const auto pid = process_of(folder, name); pid > 0 && runs_domain(pid, name)) return {};
    return permanent("no_sight_of_processes", folder + "/" + name + ".pid names no process of " + name +
                                                  " that the agent can see: it must share the host's process ids");
}

}  // namespace

result<void> libvirt_hypervisor::start_copy(const job& work) {
    const std::lock_guard one_at_a_time(parts_->start_mutex);
    const auto it = parts_->find(work.vm);
    // It may be asked again of a copy under way, whose end cannot be seen now: that it failed must not be said.
    if (!it) return unknown(it.error().reason, it.error().detail);
    if (parts_->follows(work.id)) return {};
    const bool here = it->domain && (it->state.running() || it->state.copying() ||
                                     it->state.paused_for_copy() || migrated_away(it->state));
    if (!here) return permanent("vm_not_running", work.vm.name.text);
    auto made = std::make_unique<copy>(parts_->link(), parts_->tell, work,
                                       parts_->files.sockets_of(work.id));
    parts_->tell.copy_begun(work.id);  // an earlier one has told its end: it was forgotten, and so waited for
    if (it->state.copying() || !it->state.running()) {
        made->follow();
    } else {
        if (auto sight = sees_process(parts_->where.processes, work.vm.name.text); !sight) return sight;
        if (auto based = stands_on_its_bases(it->domain.get(), parts_->bases, work); !based) return based;
        suspend_autostart(it->domain.get());
        if (auto begun = made->begin(it->domain.get()); !begun) return begun;
    }
    const std::lock_guard lock(parts_->copies_mutex);
    parts_->copies[work.id] = std::move(made);
    return {};
}

// The abort is on record, so the VM is this host's to run: a copy that took its process with it is
// started anew from its disk.
result<void> libvirt_hypervisor::abort_copy(const job& work) {
    // Said late, of a VM that has left since and is arriving again: that copy is not this job's to wake.
    if (staged_by_another(parts_->files.all(), work)) return permanent("not_of_this_job", work.vm.name.text);
    const auto deadline = std::chrono::steady_clock::now() + abort_wait_max;
    for (;;) {
        const auto it = parts_->find(work.vm);
        if (!it) return tl::unexpected(it.error());
        if (!it->domain) return {};  // undefined meanwhile, by hand or since it was transient: nothing to keep
        if (it->state.copying()) {
            virDomainAbortJob(it->domain.get());
        } else if (it->state.running() || it->state.meant_to_be_off()) {
            restore_autostart(it->domain.get());
            return {};
        } else if (const bool off = it->state.off();
                   (off ? virDomainCreate(it->domain.get()) : virDomainResume(it->domain.get())) < 0 &&
                   std::chrono::steady_clock::now() > deadline) {
            return last_failure(off ? "start" : "resume");
        }
        if (std::chrono::steady_clock::now() > deadline) return unknown("job_not_ended");
        std::this_thread::sleep_for(abort_poll);
    }
}

// Asks libvirt as little as can be: while it ends a copy it answers questions about the domain only
// after 200 ms (it looks that often whether the process it ended is gone), and all that while the
// guest stands still. So the process is asked first: usually libvirt is just ending it.
result<void> libvirt_hypervisor::prove_off(const job& work) {
    const auto& name = work.vm.name.text;
    const auto pid = process_of(parts_->where.processes, name);
    if (pid > 0 && (!runs_domain(pid, name) || died_within(pid, usual_end)))
        return end_process(pid, name);  // dying, or dead
    const auto connect = parts_->link().get();
    if (!connect) return tl::unexpected(connect.error());
    const auto domain = find_domain(*connect, work.vm);
    if (!domain) return tl::unexpected(domain.error());
    domain_state seen;
    if (*domain && virDomainGetState(domain->get(), &seen.state, &seen.reason, 0) < 0)
        return last_failure("state");
    if (seen.running()) return permanent("still_running", name);
    if (pid > 0) return end_process(pid, name);
    return seen.active() ? unknown("no_process_id", parts_->where.processes) : result<void>();
}

}  // namespace caravan::libvirt
