// job: all that one cloud's own agents and proxies need to know about one migration. It travels from
// a controller to its own devices only, never to another cloud.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "events/describe.hpp"
#include "events/ids.hpp"
#include "events/ticket.hpp"
#include "events/vm_spec.hpp"

namespace caravan {

enum class side : std::uint8_t { source, destination };
enum class copy_mode : std::uint8_t { cow, disk };  // NON_SHARED_INC, NON_SHARED_DISK
inline constexpr std::array<std::string_view, 2> side_names = {"source", "destination"};
inline constexpr std::array<std::string_view, 2> copy_mode_names = {"cow", "disk"};
constexpr const auto& names_of(side) noexcept { return side_names; }
constexpr const auto& names_of(copy_mode) noexcept { return copy_mode_names; }

struct job {
    migration_id id;
    side here = side::source;
    vm_spec vm;
    copy_mode mode = copy_mode::cow;
    epoch run_right;               // the epoch that the destination will acquire
    cloud_name own, peer;
    host_name host;                // of this cloud
    std::string agent_endpoint;    // "host:port" where that host's agent accepts its proxy's streams
    std::string proxy_endpoint;    // "host:port" where the own proxy accepts its agents' streams
    std::string peer_endpoint;     // "host:port" of the peer cloud's proxy on the WAN
    signed_ticket ticket;          // the destination's leave; empty before admission
    duration downtime_max{};       // 0: the hypervisor's default
    bytes bandwidth = 0;           // bytes/s, 0: no limit
    instant deadline{};            // nothing of this migration before the pivot outlives it
    bool forfeited = false;        // destination: the run-right was taken back: its copy goes, also if it runs
    // For the gate at the own proxy (adapters/channel/gate):
    std::string sockets;              // the host's directory of per-migration sockets
    std::string own_live_xml;         // destination: our own XML of the VM, which takes the place
    std::string own_persistent_xml;   // of whatever the peer sends
    std::vector<std::string> markers; // names, addresses, paths of this cloud: must not leave
    friend bool operator==(const job&, const job&) = default;
};

template <class F>
void describe(F& f, job& x) {
    f.field("id", x.id, "migration");
    f.field("here", x.here, "source or destination");
    f.field("vm", x.vm, "specification");
    f.field("mode", x.mode, "cow or disk");
    f.field("run_right", x.run_right, "epoch the destination will acquire");
    f.field("own", x.own, "this cloud");
    f.field("peer", x.peer, "the other cloud");
    f.inside("host", x.host, "host in this cloud");
    f.inside("agent_endpoint", x.agent_endpoint, "host:port of the host's agent");
    f.inside("proxy_endpoint", x.proxy_endpoint, "host:port of the own proxy");
    f.inside("peer_endpoint", x.peer_endpoint, "host:port of the peer's proxy");
    f.field("ticket", x.ticket, "the destination's leave");
    f.field("downtime_max", x.downtime_max, "microseconds, 0: default");
    f.field("bandwidth", x.bandwidth, "bytes/s, 0: no limit");
    f.field("deadline", x.deadline, "before the pivot");
    f.field("forfeited", x.forfeited, "destination: the run-right was taken back");
    f.inside("sockets", x.sockets, "the host's directory of migration sockets");
    f.inside("own_live_xml", x.own_live_xml, "destination: the domain XML that is used here");
    f.inside("own_persistent_xml", x.own_persistent_xml, "destination: the same, inactive");
    f.inside("markers", x.markers, "own names, addresses and paths that must not leave");
}

}  // namespace caravan
