#include "adapters/sim/world.hpp"

#include <algorithm>

#include "events/json.hpp"

namespace caravan::sim {

namespace {
std::string words(const place& where) {
    return where.host.text + " of " + where.cloud.text;
}
}  // namespace

world::world(sim::timing clockwork, sim::pace p) : timing_(std::move(clockwork)), pace_(p) {}

// ---- the ground

void world::add_host(const place& where, port::host_description has) {
    const std::lock_guard lock(mutex_);
    hosts_[where].has = std::move(has);
}

void world::boot(const place& where, const vm_spec& vm) {
    const std::lock_guard lock(mutex_);
    auto& h = at(where);
    for (const auto& nic : vm.nics) h.ports[nic.mac] = true;
    auto& c = h.copies[vm.name] = {vm, off, false, {}, true};
    become(where, c, running, false);
}

void world::start(const place& where, const vm_name& name) {
    const std::lock_guard lock(mutex_);
    if (auto* c = find(where, name); c && c->state == off && at(where).reachable) become(where, *c, running, false);
}

void world::set_pace(const sim::pace& p) {
    const std::lock_guard lock(mutex_);
    pace_ = p;
}

world::host& world::at(const place& where) {
    return hosts_[where];
}
const world::host& world::at(const place& where) const {
    static const host nothing_there;
    const auto found = hosts_.find(where);
    return found == hosts_.end() ? nothing_there : found->second;
}

world::copy* world::find(const place& where, const vm_name& name) {
    auto& all = at(where).copies;
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
}

// ---- every change of a copy goes through these two

void world::become(const place& where, copy& c, port::run_state state, bool job) {
    const bool begins = state == running && c.state != running;
    c.state = state;
    c.job = job;
    check(c.vm.name, "a change", false);
    if (witness_) witness_->copy_changed(c.vm.name, where, state, c.whole);
    if (begins)
        for (const auto& nic : c.vm.nics)
            if (const auto port = at(where).ports.find(nic.mac);
                port != at(where).ports.end() && port->second)
                announce(where, nic.mac);
    tell_changed(where, c);
}

void world::announce(const place& where, const std::string& mac) {
    announcements_.push_back({timing_.now(), mac, where});
    if (witness_) witness_->announced(announcements_.back());
}

void world::erase(const place& where, const vm_name& name) {
    auto& all = at(where).copies;
    const auto found = all.find(name);
    if (found == all.end()) return;
    auto gone = std::move(found->second);
    all.erase(found);
    gone.state = at(where).files.contains(gone.of) ? litter : absent;
    gone.job = false;
    if (witness_) witness_->copy_changed(name, where, gone.state, false);
    tell_changed(where, gone);
}

void world::check(const vm_name& name, const char* after, bool destroyed) {
    std::vector<std::string> runners;
    bool alive = false;
    for (const auto& [where, h] : hosts_) {
        const auto found = h.copies.find(name);
        if (found == h.copies.end()) continue;
        if (found->second.state == running) runners.push_back(words(where));
        alive = alive || found->second.state == running || found->second.state == paused;
    }
    if (runners.size() > 1)
        violations_.push_back(name.text + " runs at " + runners[0] + " and at " + runners[1] +
                              " after " + after);
    if (destroyed && !alive)
        violations_.push_back("the last copy of " + name.text + " was destroyed by " + after);
}

// ---- what an outsider sees

std::vector<world::copy_seen> world::copies_of(const vm_name& name) const {
    const std::lock_guard lock(mutex_);
    std::vector<copy_seen> all;
    for (const auto& [where, h] : hosts_) {
        const auto found = h.copies.find(name);
        if (found == h.copies.end()) continue;
        const auto& nics = found->second.vm.nics;
        const bool active = std::all_of(nics.begin(), nics.end(), [&](const nic_spec& n) {
            const auto port = h.ports.find(n.mac);
            return port != h.ports.end() && port->second;
        });
        all.push_back({where, found->second.state, active});
    }
    return all;
}

std::vector<std::string> world::leftovers(const place& where, const migration_id& id,
                                          const vm_name& name) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    const auto& h = at(where);
    if (h.copies.contains(name)) all.push_back("a definition of " + name.text);
    if (h.files.contains(id)) all.push_back("files of " + id.text);
    if (const auto open = ends_.find(id); open != ends_.end())
        for (const auto& [end, by] : open->second)
            if (by.where == where) all.push_back("sockets of " + id.text);
    return all;
}

std::vector<std::string> world::leftovers() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [where, h] : hosts_) {
        std::set<std::string> used;
        for (const auto& [name, c] : h.copies) {
            if (c.state != running)
                all.push_back("a definition of " + name.text + " at " + words(where));
            for (const auto& nic : c.vm.nics) used.insert(nic.mac);
        }
        for (const auto& [id, vm] : h.files)
            all.push_back("files of " + id.text + " at " + words(where));
        for (const auto& [mac, active] : h.ports)
            if (!active || !used.contains(mac))
                all.push_back("a port of " + mac + " at " + words(where));
    }
    for (const auto& [id, open] : ends_) all.push_back("streams of " + id.text);
    for (const auto& [id, c] : copyings_) all.push_back("a copy under way of " + id.text);
    return all;
}

std::vector<std::string> world::leftovers_of(const migration_id& id) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [where, h] : hosts_)
        if (h.files.contains(id)) all.push_back("files of " + id.text + " at " + words(where));
    if (ends_.contains(id)) all.push_back("streams of " + id.text);
    if (copyings_.contains(id)) all.push_back("a copy under way of " + id.text);
    return all;
}

std::vector<std::string> world::violations() const {
    const std::lock_guard lock(mutex_);
    return violations_;
}
std::vector<announcement> world::announcements() const {
    const std::lock_guard lock(mutex_);
    return announcements_;
}

// ---- telling

void world::listen(const place& where, port::hypervisor_listener* listener) {
    const std::scoped_lock lock(telling_, mutex_);
    at(where).listener = listener;
    at(where).followed.clear();
}

void world::tell_host(const place& where, std::function<void(port::hypervisor_listener&)> what) {
    timing_.after({}, [this, where, what = std::move(what)] {
        const std::lock_guard telling(telling_);
        port::hypervisor_listener* listener = nullptr;
        {
            const std::lock_guard lock(mutex_);
            listener = at(where).reachable ? at(where).listener : nullptr;
        }
        if (listener) what(*listener);
    });
}

void world::tell_channel(holder who, std::function<void(port::channel_listener&)> what) {
    timing_.after({}, [this, who, what = std::move(what)] {
        const std::lock_guard telling(telling_);
        port::channel_listener* listener = nullptr;
        {
            const std::lock_guard lock(mutex_);
            const auto found = channels_.find(who);
            if (found != channels_.end()) listener = found->second;
        }
        if (listener) what(*listener);
    });
}

void world::tell_changed(const place& where, const copy& c) {
    tell_host(where,
              [seen = port::vm_observation{c.vm, c.state, c.job}](auto& l) { l.vm_changed(seen); });
}

}  // namespace caravan::sim
