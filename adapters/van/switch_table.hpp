// switch_table: where a frame of a VAN goes. Pure: no socket, no clock; the shell asks for each
// frame.
//
// Routes are given by the controller and say where a VM's MAC is; they are never overridden by what
// is heard. A MAC without a route (a plain neighbour, not a VM) is learned from its frames and
// forgotten after ageing; one heard on an own host is not taken over by a peer before that.
//
// What it promises:
//   a frame goes only to hosts and peers of its own VAN;
//   a frame from the WAN never goes back to the WAN, so that sites make no loop;
//   a MAC speaks only from where its route says: the same address is never heard from two places.
// A host belongs to a VAN while a route points to it or it has sent a frame of it within `ageing`.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/ports/network.hpp"
#include "adapters/van/endpoint.hpp"
#include "adapters/van/frame.hpp"

namespace caravan::van {

using tick = std::chrono::milliseconds;  // monotonic, from any origin
inline constexpr tick ageing = std::chrono::minutes{5};
inline constexpr std::size_t vans_max = 4096, routes_max = 65536, learned_max = 4096,
                             hosts_max = 1024;

using peer_index = std::uint16_t;  // in the list that the table was made with

// Where a frame came from: an own host, or a peer.
struct ingress {
    std::optional<peer_index> peer;
    endpoint host;  // without peer
};
struct egress {
    std::vector<endpoint> hosts;
    std::vector<peer_index> peers;
};

// What became of a frame; all but `forwarded` are drops, and counted by name.
enum class verdict : std::uint8_t {
    forwarded,
    malformed,     // no Ethernet frame, or a group address as its source
    unknown_van,   // its VNI is not extended here
    not_extended,  // the peer is no member of that VAN
    wrong_source,  // the source MAC's route says it is elsewhere
    wan_to_wan,    // from a peer, for a MAC that is at another peer
    nowhere,       // nobody to send it to, or back to where it came from
};
inline constexpr const char* verdict_names[] = {"forwarded",    "malformed",    "unknown_van",
                                                "not_extended", "wrong_source", "wan_to_wan",
                                                "nowhere"};

class switch_table {
  public:
    switch_table(std::vector<cloud_name> peers, std::uint16_t vxlan_port);

    // The VAN's peers are these from now on. Permanent "bad_vni", "vni_taken", "unknown_peer" or
    // transient "too_many_vans".
    result<void> extend(const port::van&, const std::vector<cloud_name>& peers);
    void shrink(const van_name&);
    // As the port says; and one epoch names one holder: a route of the same epoch to another cloud
    // is permanent "stale_route" too. Transient "no_such_van": extend it first. Permanent
    // "bad_route".
    result<void> set_route(const port::route&);
    // Routes of a higher epoch stay; one of a lower epoch than a dropped one is refused ever after.
    void drop_route(const van_name&, mac_address, epoch upto);
    std::vector<port::route> routes() const;
    bool uses(peer_index) const;  // some VAN is extended to this peer

    // `out` is cleared first; it is the caller's, so that frames cost no allocation.
    verdict forward(const ingress&, std::uint32_t vni, octets frame, tick now, egress& out);

  private:
    struct place {  // a host of this site, or a peer, or neither: a cloud that is no peer
        bool here = false;
        endpoint host;
        std::optional<peer_index> peer;
        friend bool operator==(const place&, const place&) = default;
    };
    struct routed {
        std::optional<port::route> route;  // none: dropped, only `floor` is remembered
        place at;
        epoch floor;
    };
    struct heard {
        place at;
        tick seen{};
    };
    struct segment {  // one VAN, as it is carried here
        van_name name;
        std::vector<peer_index> peers;
        std::unordered_map<mac_address, routed> routes;
        std::unordered_map<mac_address, heard> learned;
        std::unordered_map<endpoint, tick> members;  // hosts that sent
    };
    segment* find(const van_name&);
    std::optional<peer_index> index_of(const cloud_name&) const;
    result<place> place_of(const port::route&) const;
    static place origin(const ingress&);
    static bool may_speak(segment&, mac_address from, const place& at, tick now);
    static const place* lookup(const segment&, mac_address to, tick now);
    static verdict to_one(const segment&, const place& to, const place& from, egress& out);
    static verdict to_all(const segment&, const place& from, tick now, egress& out);

    std::vector<cloud_name> peers_;
    std::uint16_t vxlan_port_;
    std::unordered_map<std::uint32_t, segment> segments_;  // by VNI
};

}  // namespace caravan::van
