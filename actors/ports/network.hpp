// network: the virtual networks (VANs) as one host and as one site carry them.
//
// A VAN is known to its clouds by name and on the wire by a 24-bit VXLAN network identifier (VNI,
// RFC 7348), equal in all clouds of the federation. Everything appears on demand and goes when the
// last user leaves. All calls converge and may be repeated.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/job.hpp"
#include "events/result.hpp"

namespace caravan::port {

struct van {
    van_name name;
    std::uint32_t vni = 0;
    friend bool operator==(const van&, const van&) = default;
};

// Where frames for a MAC go. `epoch` is the run-right's: a lower one never overwrites a higher.
struct route {
    van_name network;
    std::string mac;
    bool here = false;       // at this site: on `host`; otherwise at the site of cloud `at`
    cloud_name at;
    host_name host;          // inside; where `here`
    std::string host_endpoint;  // inside: VXLAN address of that host, "10.1.0.11"; where `here`
    caravan::epoch run_right;
    friend bool operator==(const route&, const route&) = default;
};

// On a host, in its agent: bridge + VXLAN device towards the own proxy, and the guests' ports.
class host_network {
  public:
    virtual ~host_network() = default;
    // Bridge and VXLAN exist afterwards, and the job's ports on them will be silent: a port carries
    // nothing, in or out, until activated. Called before the guest's tap exists.
    virtual result<void> attach_silent(const job&, const std::vector<van>&) = 0;
    virtual result<void> activate(const job&) = 0;  // ports of the job carry frames when it returns, and those of a guest that is started anew
    virtual result<void> detach(const job&) = 0;    // ports gone; a VAN's devices with its last port
    // All VANs that are: their devices exist afterwards, those of others only as long as a port is plugged in.
    virtual result<void> ensure(const std::vector<van>&) = 0;
    virtual result<std::vector<van>> observe() = 0;
};

// At a site, in its proxy: VXLAN to the own hosts, DTLS 1.2 to the peer sites, one table of routes.
class site_network {
  public:
    virtual ~site_network() = default;
    // The VAN is carried from now on: to own hosts, and to the peers named ("host:port" on the WAN).
    virtual result<void> extend(const van&, const std::vector<std::pair<cloud_name, std::string>>& peers) = 0;
    virtual result<void> shrink(const van_name&) = 0;
    // Sets the route if its epoch is not lower than what the table has; else permanent "stale_route".
    virtual result<void> set_route(const route&) = 0;
    virtual result<void> drop_route(const van_name&, const std::string& mac, epoch upto) = 0;
    virtual result<std::vector<route>> observe() = 0;
};

}  // namespace caravan::port
