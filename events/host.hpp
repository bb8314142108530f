// host: the facts and commands of one host (stream "host/NAME"). All of it is inside: no host event
// ever leaves its cloud.
#pragma once

#include <string>
#include <vector>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::host {

struct inventory {
    bytes memory = 0;  // for guests
    std::uint32_t cpus = 0;
    bytes disk_free = 0;
    std::vector<std::string> machines, cpu_models, base_digests;
    std::string endpoint;       // "host:port" of the agent
    std::string vxlan_address;  // "10.1.0.11"
    friend bool operator==(const inventory&, const inventory&) = default;
};

// ---- facts
struct came_online { inventory has; };
struct went_offline {};
struct reserved {
    migration_id migration;
    bytes memory = 0, disk = 0;
};
struct reservation_released { migration_id migration; };

template <class F>
void describe(F& f, inventory& x) {
    f.field("memory", x.memory, "for guests, bytes");
    f.field("cpus", x.cpus, "count");
    f.field("disk_free", x.disk_free, "bytes");
    f.field("machines", x.machines, "machine types");
    f.field("cpu_models", x.cpu_models, "CPU models");
    f.field("base_digests", x.base_digests, "base images held");
    f.field("endpoint", x.endpoint, "host:port of its agent");
    f.field("vxlan_address", x.vxlan_address, "VXLAN endpoint");
}
template <class F>
void describe(F& f, came_online& x) { f.inside("has", x.has, "inventory"); }
template <class F>
void describe(F&, went_offline&) {}
template <class F>
void describe(F& f, reserved& x) {
    f.field("migration", x.migration, "for which");
    f.inside("memory", x.memory, "bytes");
    f.inside("disk", x.disk, "bytes");
}
template <class F>
void describe(F& f, reservation_released& x) { f.field("migration", x.migration, "for which"); }

// ---- commands
struct hello { inventory has; };
struct lose {};
struct reserve {
    migration_id migration;
    bytes memory = 0, disk = 0;
    bytes memory_used = 0;  // by the guests that run there now
    std::string machine, cpu_model;
    std::vector<std::string> base_digests;  // that it must hold
};
struct release { migration_id migration; };


using fact = std::variant<came_online, went_offline, reserved, reservation_released>;
using command = std::variant<hello, lose, reserve, release>;

}  // namespace caravan::host
