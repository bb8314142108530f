// linux_host_network: port::host_network on a Linux host, in its agent. VAN "blue" is the bridge
// cv-blue with the VXLAN device vx-blue towards the own proxy; guests' taps are its other ports.
//
// The world is the book: who uses a VAN is whoever is plugged into its bridge (whatever the tap's
// name) and whoever is silent on it (silence.hpp), so that an agent that was killed goes on by
// asking again.
//
//   attach_silent  permanent "van_name_too_long"; otherwise what ensure() refuses
//   activate       transient "port_missing" if a port of the job is not plugged in: nothing is
//   lifted then ensure         permanent "device_taken": a device of that name is no bridge;
//   "network_device_failed"
// Needs CAP_NET_ADMIN. Works in the network namespace it was made in.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/ports/network.hpp"
#include "adapters/van/endpoint.hpp"

namespace caravan::van {

class links;
class silence;
struct device;

struct host_settings {
    std::string own_address;     // of this host on the site's network: "10.1.0.11"
    std::string proxy_endpoint;  // where the own proxy listens for VXLAN: "10.1.0.1:4789"
};

class linux_host_network final : public port::host_network {
  public:
    // Permanent "bad_address"; transient "no_netlink".
    static result<std::unique_ptr<linux_host_network>> open(const host_settings&);
    ~linux_host_network() override;

    result<void> attach_silent(const job&, const std::vector<port::van>&) override;
    result<void> activate(const job&) override;
    result<void> detach(const job&) override;
    result<void> ensure(const std::vector<port::van>&) override;
    result<std::vector<port::van>> observe() override;

  private:
    linux_host_network(std::unique_ptr<links>, std::unique_ptr<silence>, endpoint own,
                       endpoint proxy);
    result<device> bridge_of(const port::van&);
    result<void> ensure_one(const port::van&);
    result<void> leave(const van_name&);

    result<std::vector<port::van>> observe_all() const;

    std::mutex lock_;  // one change at a time: each looks, then acts
    std::unique_ptr<links> links_;
    std::unique_ptr<silence> silence_;
    endpoint own_, proxy_;
};

}  // namespace caravan::van
