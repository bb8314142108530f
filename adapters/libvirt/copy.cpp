#include "adapters/libvirt/copy.hpp"

#include <atomic>

#include "adapters/libvirt/failures.hpp"

namespace caravan::libvirt {
namespace {

using namespace std::chrono_literals;

constexpr auto progress_period = 250ms;
constexpr auto reconnect_wait_max = 30s;
constexpr auto accept_poll = 10ms;

struct parameters {
    virTypedParameterPtr list = nullptr;
    int count = 0, room = 0;
    parameters() = default;
    parameters(const parameters&) = delete;
    parameters& operator=(const parameters&) = delete;
    ~parameters() { virTypedParamsFree(list, count); }
    void text(const char* name, const std::string& value) {
        virTypedParamsAddString(&list, &count, &room, name, value.c_str());
    }
    void number(const char* name, unsigned long long value) {
        virTypedParamsAddULLong(&list, &count, &room, name, value);
    }
};

// Both forms of the domain as it crosses. Without PERSIST_XML libvirt would send its own.
result<void> add_neutral_xml(virDomainPtr domain, parameters& to) {
    for (const auto& [name, flags] :
         {std::pair{VIR_MIGRATE_PARAM_DEST_XML, 0u},
          std::pair{VIR_MIGRATE_PARAM_PERSIST_XML, unsigned{VIR_DOMAIN_XML_INACTIVE}}}) {
        const auto own = domain_text(domain, VIR_DOMAIN_XML_MIGRATABLE | flags);
        if (!own) return tl::unexpected(own.error());
        const auto neutral = neutralise(*own);
        if (!neutral) return tl::unexpected(neutral.error());
        to.text(name, neutral->xml);
    }
    return {};
}

result<void> fill(parameters& to, virDomainPtr domain, const job& work, const job_sockets& at) {
    to.text(VIR_MIGRATE_PARAM_URI, "unix://" + at.mem.string());
    to.text(VIR_MIGRATE_PARAM_DISKS_URI, "unix://" + at.nbd.string());
    for (const auto& disk : work.vm.disks) to.text(VIR_MIGRATE_PARAM_MIGRATE_DISKS, disk.target);
    constexpr bytes mib = 1u << 20;
    if (work.bandwidth) to.number(VIR_MIGRATE_PARAM_BANDWIDTH, (work.bandwidth + mib - 1) / mib);
    return add_neutral_xml(domain, to);
}

// adapters/channel/gate/rules.cpp (exact_flags) lets exactly these through.
unsigned flags_of(copy_mode mode) noexcept {
    return VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PAUSED |
           VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES |
           (mode == copy_mode::cow ? VIR_MIGRATE_NON_SHARED_INC : VIR_MIGRATE_NON_SHARED_DISK);
}

}  // namespace

result<void> ending_of(const std::optional<result<void>>& said,
                       const std::optional<domain_state>& seen) {
    const auto why =
        said && !*said ? said->error() : failure{certainty::transient, "copy_failed", {}};
    if (!seen) return unknown("copy_unknown", "no domain; " + why.detail);
    const bool succeeded = said && said->has_value();
    if (seen->off() && (succeeded || seen->reason == VIR_DOMAIN_SHUTOFF_MIGRATED)) return {};
    if (seen->paused_for_copy() && succeeded) return {};
    if (seen->running() && !seen->copying() && !succeeded)
        return why.kind == certainty::unknown ? transient(why.reason, why.detail)
                                              : tl::unexpected(why);
    return unknown("copy_unknown", why.detail);
}

struct copy::call {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::optional<result<void>> said;
    bool nudged = false;
    bool following = false;  // nobody sits in the call: the job's end is the copy's
    std::atomic<bool> over = false;
};

copy::copy(connection& link, port::hypervisor_listener& tell, job work, job_sockets sockets)
    : link_(link),
      tell_(tell),
      job_(std::move(work)),
      sockets_(std::move(sockets)),
      call_(std::make_shared<call>()) {}

copy::~copy() = default;

result<void> copy::begin(virDomainPtr domain) {
    auto asked = std::make_shared<parameters>();
    if (auto filled = fill(*asked, domain, job_, sockets_); !filled) return filled;
    const auto own = link_.another();
    if (!own) return tl::unexpected(own.error());
    auto found = find_domain(*own, job_.vm);
    if (!found) return tl::unexpected(found.error());
    if (!*found) return permanent("no_such_vm", job_.vm.name.text);
    auto held = std::make_shared<domain_handle>(*std::move(found));
    const auto where = "qemu+unix:///system?socket=" + sockets_.ctl.string();
    std::thread([state = call_, connect = *own, held, asked, where, flags = flags_of(job_.mode)] {
        const int failed = virDomainMigrateToURI3(held->get(), where.c_str(), asked->list,
                                                  static_cast<unsigned>(asked->count), flags);
        result<void> said;
        if (failed) said = last_failure("migrate");
        const std::lock_guard lock(state->mutex);
        state->said = std::move(said);
        state->changed.notify_all();
    }).detach();
    for (;;) {
        std::unique_lock lock(call_->mutex);
        call_->changed.wait_for(lock, accept_poll, [&] { return call_->said.has_value(); });
        if (call_->said && !*call_->said) {
            const auto said = call_->said;
            lock.unlock();
            call_->over = true;
            const auto seen = look(domain);
            return ending_of(said, seen ? std::optional(*seen) : std::nullopt);
        }
        const bool done = call_->said.has_value();
        lock.unlock();
        const auto job = look_at_job(domain);
        if (done || (job && job->type != VIR_DOMAIN_JOB_NONE)) break;
    }
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
    return {};
}

void copy::follow() {
    call_->following = true;
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void copy::nudge() {
    const std::lock_guard lock(call_->mutex);
    call_->nudged = true;
    call_->changed.notify_all();
}

bool copy::ended() const {
    return call_->over;
}

void copy::watch(const std::stop_token& stop) {
    bool downtime_set = job_.downtime_max == duration{};
    while (!stop.stop_requested()) {
        const bool still = look_once(downtime_set);
        std::unique_lock lock(call_->mutex);
        const bool lost = call_->said && !*call_->said && lost_connection(call_->said->error());
        if (lost && still) {  // libvirtd lives and copies on: only our call was lost
            call_->said.reset();
            call_->following = true;
        }
        if (call_->said || (call_->following && !still)) {
            lock.unlock();
            conclude();
            return;
        }
        call_->changed.wait_for(lock, stop, progress_period, [&] {
            return call_->said || (call_->following && std::exchange(call_->nudged, false));
        });
    }
}

// Is the job active still? What cannot be seen just now counts as active.
bool copy::look_once(bool& downtime_set) {
    const auto connect = link_.get();
    if (!connect) {
        link_.wait_connected(reconnect_wait_max);
        return true;
    }
    const auto domain = find_domain(*connect, job_.vm);
    if (!domain) return true;
    if (!*domain) return false;
    auto job = look_at_job(domain->get());
    if (!job) return true;
    if (job->type == VIR_DOMAIN_JOB_NONE) return false;
    if (!downtime_set) {
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(job_.downtime_max).count();
        downtime_set = virDomainMigrateSetMaxDowntime(domain->get(),
                                                      static_cast<unsigned long long>(ms), 0) == 0;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ >= progress_period) {
        told_ = now;
        job->progress.id = job_.id;
        // libvirt knows nothing of the memory until the disks are there: half done is not nearly done.
        if (job->progress.memory_total == 0) job->progress.memory_total = job_.vm.memory;
        tell_.copy_progressed(job->progress);
    }
    return true;
}

void copy::conclude() {
    link_.wait_connected(reconnect_wait_max);
    std::optional<domain_state> seen;
    if (const auto connect = link_.get())
        if (const auto domain = find_domain(*connect, job_.vm); domain && *domain)
            if (const auto state = look(domain->get())) seen = *state;
    const auto said = [&] {
        const std::lock_guard lock(call_->mutex);
        return call_->said;
    }();
    const auto end = ending_of(said, seen);
    call_->over = true;
    tell_.copy_ended(job_.id, end);
}

}  // namespace caravan::libvirt
