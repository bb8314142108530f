#include "adapters/libvirt/looking.hpp"

#include <libvirt/virterror.h>

#include <algorithm>

#include "adapters/libvirt/failures.hpp"

namespace caravan::libvirt {
namespace {

constexpr std::string_view bridge_prefix = "cv-";  // adapters/van/names.hpp: bridge_name

van_name van_of(const std::string& bridge) {
    return bridge.starts_with(bridge_prefix) ? van_name(bridge.substr(bridge_prefix.size()))
                                             : van_name();
}

// A disk that cannot be read just now (it is being made, or is no file) has capacity 0.
disk_spec spec_of(const domain_view::disk& disk, base_images& bases) {
    disk_spec spec{disk.target, 0, {}, 0};
    if (const auto seen = read_image(disk.file)) {
        spec.capacity = seen->capacity;
        spec.overlay = seen->allocated;
        if (!seen->backing.empty()) spec.base_digest = bases.digest_of(seen->backing);
    }
    return spec;
}

vm_spec spec_of(const domain_view& view, base_images& bases) {
    vm_spec spec{vm_name(view.name), view.uuid, view.memory, view.vcpus, view.machine,
                 view.cpu_model,     {},        {},          {}};
    for (const auto& disk : view.disks) spec.disks.push_back(spec_of(disk, bases));
    for (const auto& nic : view.nics) spec.nics.push_back({nic.mac, van_of(nic.bridge)});
    return spec;
}

bool is_migration(int operation) noexcept {
    return operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN ||
           operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
}

// Somebody's command has been with its QEMU for so long that ours would only wait behind it, for 30 s.
bool hangs(virDomainPtr domain) {
    constexpr unsigned patience_ms = 5000;
    virDomainControlInfo control{};
    if (virDomainGetControlInfo(domain, &control, 0) < 0) return false;
    return control.state == VIR_DOMAIN_CONTROL_ERROR ||
           (control.state == VIR_DOMAIN_CONTROL_OCCUPIED && control.stateTime > patience_ms);
}

struct parameters {  // what virDomainGetJobStats fills
    virTypedParameterPtr list = nullptr;
    int count = 0;
    parameters() = default;
    parameters(const parameters&) = delete;
    parameters& operator=(const parameters&) = delete;
    ~parameters() { virTypedParamsFree(list, count); }
    bytes number(const char* name) const {
        unsigned long long n = 0;
        virTypedParamsGetULLong(list, count, name, &n);
        return n;
    }
};

}  // namespace

bool domain_state::running() const noexcept {
    return state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED ||
           state == VIR_DOMAIN_SHUTDOWN;
}
bool domain_state::copying() const noexcept {
    return (job == VIR_DOMAIN_JOB_BOUNDED || job == VIR_DOMAIN_JOB_UNBOUNDED) &&
           is_migration(operation);
}
bool domain_state::meant_to_be_off() const noexcept {
    return off() && (reason == VIR_DOMAIN_SHUTOFF_SHUTDOWN || reason == VIR_DOMAIN_SHUTOFF_DESTROYED);
}
bool domain_state::whole() const noexcept {
    return state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER && persistent &&
           !copying();
}

// A domain that went off has no job: OPERATION_INVALID. One that arrives has one that libvirt tells
// nothing about: OPERATION_UNSUPPORTED, "migration statistics are available only on the source
// host".
result<job_figures> look_at_job(virDomainPtr domain) {
    job_figures seen;
    parameters said;
    if (virDomainGetJobStats(domain, &seen.type, &said.list, &said.count, 0) < 0) {
        const int code = virGetLastError() ? virGetLastError()->code : 0;
        if (code == VIR_ERR_OPERATION_INVALID || code == VIR_ERR_NO_DOMAIN) return job_figures{};
        if (code == VIR_ERR_OPERATION_UNSUPPORTED)
            return job_figures{VIR_DOMAIN_JOB_UNBOUNDED, VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN, {}};
        return last_failure("job");
    }
    virTypedParamsGetInt(said.list, said.count, VIR_DOMAIN_JOB_OPERATION, &seen.operation);
    auto& p = seen.progress;
    p.disk_done = said.number(VIR_DOMAIN_JOB_DISK_PROCESSED);
    p.disk_total = said.number(VIR_DOMAIN_JOB_DISK_TOTAL);
    p.memory_done = said.number(VIR_DOMAIN_JOB_MEMORY_PROCESSED);
    p.memory_total = said.number(VIR_DOMAIN_JOB_MEMORY_TOTAL);
    p.rate = said.number(VIR_DOMAIN_JOB_MEMORY_BPS) + said.number(VIR_DOMAIN_JOB_DISK_BPS);
    p.dirty_rate = said.number(VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE) *
                   said.number(VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);
    p.downtime = std::chrono::milliseconds(said.number(VIR_DOMAIN_JOB_DOWNTIME));
    return seen;
}

static result<domain_state> glance(virDomainPtr domain) {
    domain_state seen;
    if (virDomainGetState(domain, &seen.state, &seen.reason, 0) < 0) return last_failure("state");
    seen.persistent = virDomainIsPersistent(domain) == 1;
    if (!seen.active()) return seen;
    seen.held = hangs(domain);
    if (seen.held) return seen;
    const auto job = look_at_job(domain);
    seen.held = !job && virGetLastError() && virGetLastError()->code == VIR_ERR_OPERATION_TIMEOUT;
    if (seen.held) return seen;
    if (!job) return tl::unexpected(job.error());
    seen.job = job->type;
    seen.operation = job->operation;
    return seen;
}

result<domain_state> look(virDomainPtr domain) {
    auto seen = glance(domain);
    if (seen && seen->held) return unknown("guest_does_not_answer", virDomainGetName(domain));
    return seen;
}

port::run_state run_state_of(const domain_state& seen) noexcept {
    using enum port::run_state;
    if (!seen.active() || seen.state == VIR_DOMAIN_CRASHED) return off;
    if (seen.running()) return running;
    const bool incoming = seen.operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
    switch (seen.reason) {
        case VIR_DOMAIN_PAUSED_IOERROR:
        case VIR_DOMAIN_PAUSED_CRASHED:
        case VIR_DOMAIN_PAUSED_WATCHDOG:
        case VIR_DOMAIN_PAUSED_POSTCOPY:
        case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
            return stuck;
        default:
            return seen.copying() && incoming ? arriving : paused;
    }
}

result<domain_handle> find_domain(const connect_handle& connect, const vm_spec& vm) {
    domain_handle found(vm.uuid.empty()
                            ? virDomainLookupByName(connect.get(), vm.name.text.c_str())
                            : virDomainLookupByUUIDString(connect.get(), vm.uuid.c_str()));
    if (found) return found;
    if (virGetLastError() && virGetLastError()->code == VIR_ERR_NO_DOMAIN) return found;
    return last_failure("look up");
}

result<std::string> domain_text(virDomainPtr domain, unsigned flags) {
    c_text text(virDomainGetXMLDesc(domain, flags));
    if (!text) return last_failure("XML");
    return text_of(std::move(text));
}

result<port::vm_observation> observe_domain(virDomainPtr domain, base_images& bases) {
    const auto seen = glance(domain);
    if (!seen) return tl::unexpected(seen.error());
    unsigned form = VIR_DOMAIN_XML_MIGRATABLE;
    if (!seen->active()) form |= VIR_DOMAIN_XML_INACTIVE;
    const auto xml = domain_text(domain, form);
    if (!xml) return tl::unexpected(xml.error());
    const auto view = read_domain(*xml);
    if (!view) return tl::unexpected(view.error());
    port::vm_observation made{spec_of(*view, bases), run_state_of(*seen), seen->copying(), seen->held};
    if (auto neutral = neutralise(*xml)) made.vm.neutral_xml = std::move(neutral->xml);
    return made;
}

}  // namespace caravan::libvirt
