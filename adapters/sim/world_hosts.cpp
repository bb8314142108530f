// What a host's hypervisor answers; each call as libvirt_hypervisor does it, without libvirt.
#include <algorithm>

#include "adapters/sim/world.hpp"

namespace caravan::sim {

result<void> world::answers(const place& where) const {
    if (at(where).reachable) return {};
    return transient("hypervisor_unreachable", "simulated");
}

result<port::host_description> world::describe(const place& where) const {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return tl::unexpected(up.error());
    return at(where).has;
}

result<std::vector<port::vm_observation>> world::observe(const place& where) const {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return tl::unexpected(up.error());
    std::vector<port::vm_observation> all;
    for (const auto& [name, c] : at(where).copies) all.push_back({c.vm, c.state, c.job});
    for (const auto& [id, vm] : at(where).files)
        if (!at(where).copies.contains(vm.name)) all.push_back({vm, litter, false});
    return all;
}

bool world::staged_by_another(const host& h, const job& work) {
    return std::ranges::any_of(
        h.files, [&](const auto& f) { return f.second.name == work.vm.name && f.first != work.id; });
}

result<void> world::stage(const place& where, const job& work) {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return up;
    auto& h = at(where);
    const bool ours = h.files.contains(work.id);
    if (find(where, work.vm.name))
        return ours ? result<void>() : permanent("vm_exists", work.vm.name.text);
    if (staged_by_another(h, work)) return permanent("image_exists", work.vm.name.text);
    bytes left = h.has.disk_free;
    for (const auto& disk : work.vm.disks) {
        const auto& held = h.has.base_digests;
        if (work.mode == copy_mode::cow &&
            std::find(held.begin(), held.end(), disk.base_digest) == held.end())
            return permanent("no_base_image", disk.base_digest);
        const bytes wanted = work.mode == copy_mode::cow ? disk.overlay : disk.capacity;
        if (wanted > left) return transient("no_disk_room", disk.target);
        left -= wanted;
    }
    h.files[work.id] = work.vm;
    return {};
}

result<void> world::discard(const place& where, const job& work) {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return up;
    auto& h = at(where);
    const auto* c = find(where, work.vm.name);
    const bool never_ours = work.here == side::destination && !h.files.contains(work.id) && !work.forfeited;
    if (c && !never_ours && !staged_by_another(h, work)) {
        if (c->state == running && !work.forfeited) return permanent("still_running", work.vm.name.text);
        if (copyings_.contains(work.id)) strike(work.id, copy_fault::streams_closed);
        h.files.erase(work.id);
        erase(where, work.vm.name);
        check(work.vm.name, "discard", true);
    }
    h.files.erase(work.id);
    return {};
}

result<void> world::start_copy(const place& where, const job& work) {
    const std::scoped_lock lock(telling_, mutex_);
    if (auto up = answers(where); !up) return unknown(up.error().reason, up.error().detail);
    auto* c = find(where, work.vm.name);
    const bool under_way = copyings_.contains(work.id);
    if (under_way && at(where).followed.contains(work.id)) return {};
    if (auto* listener = at(where).listener) listener->copy_begun(work.id);
    if (under_way || (c && c->state == running)) {
        at(where).followed.insert(work.id);
        if (!under_way) begin(where, work);
        return {};
    }
    const bool was_copied = c && c->of == work.id && (c->state == off || c->state == paused);
    if (!was_copied) return permanent("vm_not_running", work.vm.name.text);
    const auto how = c->state == off && c->migrated ? result<void>() : unknown("copy_unknown");
    tell_host(where, [id = work.id, how](auto& l) { l.copy_ended(id, how); });
    return {};
}

result<void> world::abort_copy(const place& where, const job& work) {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return up;
    if (copyings_.contains(work.id)) strike(work.id, copy_fault::aborted);
    auto* c = find(where, work.vm.name);
    if (!c) return {};
    if (staged_by_another(at(where), work)) return permanent("not_of_this_job", work.vm.name.text);
    if (c->state != running) become(where, *c, running, false);
    return {};
}

result<void> world::prove_off(const place& where, const job& work) {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return up;
    auto* c = find(where, work.vm.name);
    if (!c || c->state == off) return {};
    if (c->state != paused) return permanent("still_running", work.vm.name.text);
    const auto under_way = copyings_.find(work.id);
    become(where, *c, off, false);
    check(work.vm.name, "prove_off", true);
    if (under_way == copyings_.end()) return {};
    const auto was = under_way->second;
    end(was, was.at == copy_part::whole ? result<void>() : unknown("copy_unknown"));
    return {};
}

result<void> world::resume(const place& where, const job& work) {
    const std::lock_guard lock(mutex_);
    if (auto up = answers(where); !up) return up;
    auto* c = find(where, work.vm.name);
    const bool ready = c && (c->state == paused || c->state == off) && !c->job && c->of == work.id;
    if (!c || (c->state != running && !ready))
        return permanent("copy_not_whole", work.vm.name.text);
    if (c->state != running) become(where, *c, running, false);
    at(where).files.erase(work.id);
    return {};
}

// ---- ports of guests

void world::plug(const place& where, const vm_spec& vm, bool active) {
    const std::lock_guard lock(mutex_);
    auto& h = at(where);
    const auto* c = find(where, vm.name);
    for (const auto& nic : vm.nics) {
        auto& port = h.ports[nic.mac];
        if (active && !port && c && c->state == running)
            announce(where, nic.mac);
        port = port || active;
    }
}

void world::unplug(const place& where, const vm_spec& vm) {
    const std::lock_guard lock(mutex_);
    for (const auto& nic : vm.nics) at(where).ports.erase(nic.mac);
}

}  // namespace caravan::sim
