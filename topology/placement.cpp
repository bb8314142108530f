#include <algorithm>

#include "events/planted.hpp"
#include "topology/federation.hpp"

namespace caravan::topology {

namespace {

bool holds(const std::vector<std::string>& all, const std::string& wanted) {
    return std::find(all.begin(), all.end(), wanted) != all.end();
}

std::vector<std::string> base_digests(const migration::requested& r) {
    std::vector<std::string> all;
    if (r.mode == copy_mode::cow)
        for (const auto& disk : r.vm.disks)
            if (!disk.base_digest.empty()) all.push_back(disk.base_digest);
    return all;
}

// Why this host cannot take it, were it here; empty if it can.
std::string obstacle(const federation& f, const host_name& name, const host_view& h,
                     const migration::requested& r) {
    if (!holds(h.has.machines, r.vm.machine)) return "machine_unsupported";
    if (!holds(h.has.cpu_models, r.vm.cpu_model)) return "cpu_unsupported";
    for (const auto& digest : base_digests(r))
        if (!holds(h.has.base_digests, digest)) return "no_base_image";
    bytes taken = memory_used(f, name);
    for (const auto& [id, memory] : h.reserved) taken += id == r.id ? 0 : memory;
    if ((taken > h.has.memory || r.vm.memory > h.has.memory - taken) && !planted(bug::room_given_twice)) return "no_capacity";
    bytes left = h.has.disk_free;
    for (const auto& d : r.vm.disks) {  // a peer's figures: their sum may not wrap around
        const bytes wanted = r.mode == copy_mode::cow ? d.overlay : d.capacity;
        if (wanted > left) return "no_capacity";
        left -= wanted;
    }
    return "";
}

// The address must be free: a MAC that another VM of this cloud has in the same VAN.
const vm_view* mac_holder(const federation& f, const migration::requested& r) {
    for (const auto& [name, v] : f.vms) {
        if (name == r.vm.name || v.state == "absent" || v.state == "released") continue;
        for (const auto& theirs : v.spec.nics)
            for (const auto& ours : r.vm.nics)
                if (theirs.mac == ours.mac && theirs.van == ours.van) return &v;
    }
    return nullptr;
}

}  // namespace

bytes memory_used(const federation& f, const host_name& host) {
    bytes used = 0;
    for (const auto& [name, v] : f.vms) {
        if (v.host != host) continue;
        if (v.state == "running" || v.state == "moving" || v.state == "stopped") used += v.spec.memory;
    }
    return used;
}

placement place(const federation& f, const migration::requested& r, instant lately) {
    placement made;
    if (const auto* holder = mac_holder(f, r)) {
        made.reason = "mac_taken";
        made.detail = "VM " + holder->spec.name.text + " has the same MAC in the same VAN";
        return made;
    }
    // It is here, or what took it away has still something to do here: that must not meet what came back. Whatever its
    // state is in this moment: by the time it is expected it may have departed.
    if (const auto known = f.vms.find(r.vm.name);
        known != f.vms.end() && !known->second.migration.empty() && known->second.migration != r.id &&
        !planted(bug::move_before_the_last_is_over)) {
        made.reason = "name_taken";
        made.detail = "migration " + known->second.migration.text + " of that VM is not over here";
        return made;
    }
    std::vector<std::pair<bytes, host_name>> fitting;
    // The reason nearest to a yes is the one worth telling.
    constexpr std::string_view order[] = {"no_host_online", "machine_unsupported", "cpu_unsupported",
                                          "no_base_image", "no_capacity"};
    std::ptrdiff_t nearest = -1;
    made.reason = order[0];
    for (const auto& [name, h] : f.hosts) {
        auto why = obstacle(f, name, h, r);
        if (!h.online) {
            made.soon |= why.empty() && h.gone >= lately;
            why = "no_host_online";
        }
        if (why.empty()) {
            bytes taken = memory_used(f, name);
            for (const auto& [id, memory] : h.reserved) taken += memory;
            fitting.emplace_back(h.has.memory - std::min(taken, h.has.memory), name);
        } else {
            const auto rank = std::find(std::begin(order), std::end(order), why) - order;
            if (rank > nearest) made.reason = why;
            nearest = std::max(nearest, rank);
        }
    }
    std::stable_sort(fitting.begin(), fitting.end(), [](auto& a, auto& b) { return a.first > b.first; });
    for (auto& [room, name] : fitting) made.hosts.push_back(name);
    if (!made.hosts.empty()) made.reason.clear();
    return made;
}

plan plan_of(const federation& f, const vm_name& name, const cloud_name& to, copy_mode mode, bytes link_rate) {
    plan p;
    const auto found = f.vms.find(name);
    const bool here = found != f.vms.end() && found->second.state != "absent" && found->second.state != "released";
    if (!here) {
        p.obstacles.emplace_back("no_such_vm", "no VM is named " + name.text + " in " + f.own.text);
        return p;
    }
    const auto& v = found->second;
    if (to == f.own) p.obstacles.emplace_back("already_there", name.text + " is in " + to.text);
    else if (!f.peers.contains(to)) p.obstacles.emplace_back("no_such_cloud", "no peer is named " + to.text);
    if (!v.migration.empty()) p.obstacles.emplace_back("vm_already_moving", "by " + v.migration.text);
    else if (v.state != "running") p.obstacles.emplace_back("vm_not_running", name.text + " is " + v.state);
    for (const auto& nic : v.spec.nics)
        if (nic.van.empty()) p.obstacles.emplace_back("not_in_a_van", nic.mac + " is in no VAN: nothing can follow it");
    for (const auto& d : v.spec.disks)
        if (mode == copy_mode::cow && d.base_digest.empty())
            p.obstacles.emplace_back("no_base_image",
                                     "disk " + d.target + " stands on no base image: move it whole");
    for (const auto& d : v.spec.disks) p.disk += mode == copy_mode::cow ? d.overlay : d.capacity;
    p.memory = v.spec.memory;
    // Set-up and hand-over are a dozen round trips; the rest is bytes over the link.
    const auto moved = std::min<bytes>(p.disk + p.memory, bytes{1} << 43);
    p.total = std::chrono::seconds(3) + duration(moved * 1'000'000 / std::max<bytes>(link_rate, 1));
    p.downtime = std::chrono::milliseconds(700);
    return p;
}

}  // namespace caravan::topology
