// federation: one cloud's view of everything, as a value folded from its own journal's events. What
// people are shown, what placement and plans are computed from, and what the state at any past
// position was. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "events/envelope.hpp"

namespace caravan::topology {

struct vm_view {
    vm_spec spec;
    std::string state = "absent";  // running, stopped, moving, arriving, released, absent
    host_name host;
    epoch run_right;
    bool ours = false;  // this cloud holds the run-right
    migration_id migration;   // that has a hand on it: until its undo is over, or its copy here runs
    migration_id last;        // the last one of those
    bool strayed = false;
};

struct host_view {
    host::inventory has;
    bool online = false;
    instant gone{};  // when it was last lost
    std::map<migration_id, bytes> reserved;
};

struct proxy_view {
    std::string site_endpoint, vxlan_address;
    bool online = false;
};

struct route_view {
    cloud_name at;
    host_name host;
    epoch run_right;
};

struct van_view {
    std::uint32_t vni = 0;
    std::map<std::string, route_view> routes;  // by MAC
};

struct step_view {
    std::string state = "waiting";  // waiting, running, done, failed, undone
    std::uint32_t attempts = 0;
    std::string reason;
    instant ended{};
};

struct migration_view {
    migration::requested what;
    bool here_is_source = true;
    std::string state = "running";  // running, done, undone, refused
    std::string phase, reason, stuck;
    std::vector<step_view> steps;
    instant started{}, ended{};
    duration downtime{};
    bytes disk = 0, memory = 0;
};

struct peer_view {
    sequence heard;
    std::string problem;
};

struct need_view {  // of a person
    care::needs_person what;
    instant since{};
};

struct federation {
    cloud_name own;
    position at;
    instant time{};
    std::map<vm_name, vm_view> vms;
    std::map<host_name, host_view> hosts;
    std::map<proxy_name, proxy_view> proxies;
    std::map<van_name, van_view> vans;
    std::map<migration_id, migration_view> migrations;
    std::map<cloud_name, peer_view> peers;
    std::map<std::string, need_view> needs;  // by stream
};

// `step_names` are the saga's, in order; topology does not know sagas.
void fold(federation&, const event&, const std::vector<std::string>& step_names);

bytes memory_used(const federation&, const host_name&);  // by guests there, bytes

// The VNI that all clouds of the federation give a VAN of this name: 24 bits of its SHA-256.
std::uint32_t vni_of(const van_name&);

// Hosts that could take the VM, the best first (most memory left); empty, and why not, if none.
struct placement {
    std::vector<host_name> hosts;
    std::string reason, detail;
    bool soon = false;  // one that could is away, but was not before `lately`: it may be back in a moment
};
placement place(const federation&, const migration::requested&, instant lately);

// What is in the way of a move, before a byte is copied; and what it will cost.
struct plan {
    std::vector<std::pair<std::string, std::string>> obstacles;  // reason, detail
    bytes disk = 0, memory = 0;
    duration total{}, downtime{};
};
plan plan_of(const federation&, const vm_name&, const cloud_name& to, copy_mode, bytes link_rate);

}  // namespace caravan::topology
