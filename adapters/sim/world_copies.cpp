// Copies under way, and what becomes of them by the table in copy_faults.hpp.
#include <algorithm>

#include "adapters/sim/world.hpp"
#include "events/planted.hpp"

namespace caravan::sim {

namespace {

constexpr auto between_progress = std::chrono::milliseconds(250);

port::copy_progress totals_of(const job& work) {
    port::copy_progress p;
    p.id = work.id;
    for (const auto& d : work.vm.disks)
        p.disk_total += work.mode == copy_mode::cow ? d.overlay : d.capacity;
    p.memory_total = work.vm.memory;
    p.downtime = std::chrono::milliseconds(600);
    return p;
}

}  // namespace

void world::begin(const place& from, const job& work) {
    copying c;
    c.what = work;
    c.from = from;
    c.done = totals_of(work);
    c.ticked = timing_.now();
    c.number = next_++;
    const auto open = ends_.find(work.id);
    const bool there = open != ends_.end() && open->second.contains(channel_end::destination_agent);
    if (there) c.to = open->second.at(channel_end::destination_agent).where;
    if (!there || !at(c.to).files.contains(work.id) || find(c.to, work.vm.name))
        return end(c, transient("copy_failed", "nothing is ready for it over there"));
    auto& here = *find(from, work.vm.name);
    here.of = work.id;
    become(from, here, running, true);
    auto& arriving_copy = at(c.to).copies[work.vm.name] = {work.vm, off, true, work.id, false};
    become(c.to, arriving_copy, arriving, true);
    copyings_[work.id] = c;
    step_later(c, {});
}

void world::step_later(const copying& c, duration wait) {
    timing_.after(wait, [this, id = c.what.id, number = c.number] {
        const std::lock_guard lock(mutex_);
        step(id, number);
    });
}

void world::step(const migration_id& id, std::uint64_t number) {
    const auto found = copyings_.find(id);
    if (found == copyings_.end() || found->second.number != number) return;
    auto& c = found->second;
    if (darkness_) {
        c.ticked = timing_.now();
        return step_later(c, pace_.tick);
    }
    if (!flows(id)) return strike(id, copy_fault::streams_closed);
    auto* source = find(c.from, c.what.vm.name);
    auto* arrived = find(c.to, c.what.vm.name);
    switch (c.at) {
        case copy_part::disk:
        case copy_part::memory:
            if (!advance(c)) return step_later(c, pace_.tick);
            c.at = copy_part::switching;
            become(c.from, *source, paused, true);
            return step_later(c, pace_.trip);
        case copy_part::switching:
            c.at = copy_part::whole;
            arrived->whole = !planted(bug::ready_before_whole);
            become(c.to, *arrived, paused, false);
            timing_.after(pace_.trip, [this, id, by = ends_[id][channel_end::source_relay].by] {
                tell_channel(by, [id](auto& l) { l.destination_ready(id); });
            });
            return step_later(c, pace_.trip + pace_.confirm);
        case copy_part::whole:
            source->migrated = true;
            become(c.from, *source, off, false);
            end(copying(c), {});
    }
}

// True when all is there.
bool world::advance(copying& c) {
    const auto now = timing_.now();
    const auto elapsed = now - c.ticked;
    c.ticked = now;
    auto& p = c.done;
    bytes more = pace_.rate ? pace_.rate * std::uint64_t(elapsed.count()) / 1'000'000 : SIZE_MAX;
    const bytes disk = std::min(more, p.disk_total - p.disk_done);
    const bytes memory = std::min(more - disk, p.memory_total - p.memory_done);
    p.disk_done += disk;
    p.memory_done += memory;
    p.rate = pace_.rate;
    if (witness_ && disk + memory > 0) witness_->copy_flows(c.what, c.from, c.to);
    if (p.disk_done == p.disk_total) c.at = copy_part::memory;
    if (now - c.told >= between_progress) {
        c.told = now;
        if (at(c.from).followed.contains(c.what.id))
            tell_host(c.from, [p](auto& l) { l.copy_progressed(p); });
    }
    return p.disk_done == p.disk_total && p.memory_done == p.memory_total;
}

void world::end(const copying& c, const result<void>& how) {
    copyings_.erase(c.what.id);
    if (!at(c.from).followed.erase(c.what.id)) return;
    tell_host(c.from, [this, id = c.what.id, number = c.number, how](auto& l) {
        if (!superseded(id, number)) l.copy_ended(id, how);
    });
}

// An end that was not told before the next try began is told no more.
bool world::superseded(const migration_id& id, std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = copyings_.find(id);
    return found != copyings_.end() && found->second.number != number;
}

void world::strike(const migration_id& id, copy_fault what) {
    const auto c = copyings_.at(id);
    const auto& row = *row_of(c.at, what);
    const auto& name = c.what.vm.name;
    copyings_.erase(id);
    if (auto* arrived = find(c.to, name)) {
        if (row.destination == litter)
            erase(c.to, name);
        else
            become(c.to, *arrived, row.destination, false);
    }
    if (auto* source = find(c.from, name)) {
        source->migrated = row.end == copy_end::ok;
        become(c.from, *source, row.source, false);
    }
    if (row.source_resumes) resume_later(c.from, c.what);
    const std::string reason = what == copy_fault::aborted ? "copy_aborted" : "copy_cut";
    end(c, row.end == copy_end::ok          ? result<void>()
           : row.end == copy_end::transient ? result<void>(transient(reason))
                                            : unknown("copy_unknown"));
}

// As libvirt's source does when its connection is seen to be broken. It is that process which resumes: a
// copy of the same VM that has arrived meanwhile is another.
void world::resume_later(const place& where, const job& work) {
    timing_.after(pace_.resume_wait, [this, where, name = work.vm.name, id = work.id] {
        const std::lock_guard lock(mutex_);
        auto* c = find(where, name);
        if (c && c->state == paused && c->of == id && !copyings_.contains(id)) become(where, *c, running, false);
    });
}

void world::strike_all(const place& where, copy_fault as_source, copy_fault as_destination,
                       const vm_name* only) {
    std::vector<std::pair<migration_id, copy_fault>> struck;
    for (const auto& [id, c] : copyings_)
        if (only && c.what.vm.name != *only)
            continue;
        else if (c.from == where)
            struck.emplace_back(id, as_source);
        else if (c.to == where)
            struck.emplace_back(id, as_destination);
    for (const auto& [id, what] : struck) strike(id, what);
}

void world::restart_daemon(const place& where) {
    const std::lock_guard lock(mutex_);
    strike_all(where, copy_fault::source_daemon, copy_fault::destination_daemon);
    for (auto& [name, c] : at(where).copies) c.migrated = false;
}

void world::power_loss(const place& where) {
    const std::lock_guard lock(mutex_);
    strike_all(where, copy_fault::source_power, copy_fault::destination_power);
    for (auto& [name, c] : at(where).copies) {
        c.migrated = false;
        if (c.state != off) become(where, c, off, false);
    }
    at(where).followed.clear();
}

void world::set_reachable(const place& where, bool yes) {
    const std::lock_guard lock(mutex_);
    auto& h = at(where);
    h.reachable = yes;
    for (auto& [name, c] : h.copies) c.migrated = false;
    if (!yes) strike_all(where, copy_fault::source_daemon, copy_fault::destination_daemon);
    if (yes)
        for (const auto& [name, c] : h.copies) tell_changed(where, c);
}

bool world::reachable(const place& where) const {
    const std::lock_guard lock(mutex_);
    return at(where).reachable;
}

void world::kill_guest(const place& where, const vm_name& name) {
    const std::lock_guard lock(mutex_);
    strike_all(where, copy_fault::source_qemu, copy_fault::destination_qemu, &name);
    if (auto* c = find(where, name); c && c->state != off) become(where, *c, off, false);
}

}  // namespace caravan::sim
