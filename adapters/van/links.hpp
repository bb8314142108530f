// links: bridges, VXLAN devices and the ports on them, by rtnetlink(7). Sees what is there, makes
// what is asked, keeps no books.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/van/endpoint.hpp"
#include "adapters/van/names.hpp"
#include "adapters/van/netlink.hpp"

namespace caravan::van {

struct tunnel {  // of a VXLAN device
    std::uint32_t vni = 0;
    endpoint local, remote;  // remote: where all frames go, the own proxy; ports are the VXLAN port
    bool learning = false;
    friend bool operator==(const tunnel&, const tunnel&) = default;
};

struct device {
    int index = 0;
    std::string name, kind;  // "bridge", "vxlan", "tun", "veth" …
    int master = 0;          // index of the bridge it is plugged into
    std::uint32_t mtu = 0;   // bytes
    bool up = false;
    std::optional<tunnel> vxlan;
};

class links {
  public:
    static result<links> open();

    result<std::vector<device>> all();
    // A bridge that says nothing of its own: no STP, no multicast snooping, no IPv6. It is down.
    result<void> make_bridge(const std::string& name);
    // nolearning; `remote` becomes the one all-zero fdb entry. What goes in is whole: segmented and
    // checksummed before it is wrapped, since a proxy in user space reads the wrapped bytes. It is
    // down.
    result<void> make_vxlan(const std::string& name, const tunnel&, int bridge);
    result<void> raise(const device&);
    result<void> remove(const device&);  // ok if it is gone already

  private:
    explicit links(netlink socket) : socket_(std::move(socket)) {}
    netlink socket_;
};

}  // namespace caravan::van
