// van: the facts and commands of one virtual network (stream "van/NAME").
#pragma once

#include <string>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::van {

// ---- facts
struct created {
    std::uint32_t vni = 0;  // VXLAN network identifier, 24 bits, equal in all clouds
    cloud_name by;
};
struct deleted {};
struct route_moved {  // a MAC is reached at this cloud from now on
    std::string mac;
    cloud_name at;
    host_name host;  // empty if it is at another cloud
    epoch run_right;
};
struct route_dropped {
    std::string mac;
    epoch run_right;
};

template <class F>
void describe(F& f, created& x) {
    f.field("vni", x.vni, "VXLAN network identifier");
    f.field("by", x.by, "cloud that created it");
}
template <class F>
void describe(F&, deleted&) {}
template <class F>
void describe(F& f, route_moved& x) {
    f.field("mac", x.mac, "MAC address");
    f.field("at", x.at, "cloud");
    f.inside("host", x.host, "host, if it is here");
    f.field("run_right", x.run_right, "epoch");
}
template <class F>
void describe(F& f, route_dropped& x) {
    f.field("mac", x.mac, "MAC address");
    f.field("run_right", x.run_right, "epoch up to which routes are dropped");
}

// ---- commands
struct create {
    std::uint32_t vni = 0;
    cloud_name by;
};
struct remove {};
struct move_route {
    std::string mac;
    cloud_name at;
    host_name host;
    epoch run_right;
};
struct drop_route {
    std::string mac;
    epoch run_right;
};


using fact = std::variant<created, deleted, route_moved, route_dropped>;
using command = std::variant<create, remove, move_route, drop_route>;

}  // namespace caravan::van
