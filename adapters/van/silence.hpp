// silence: ports that carry nothing, in or out, named before they exist.
//
// A set of device names in an nftables table of our own, and rules that drop what comes from or
// goes to a bridge port of such a name (nft's words, netlink on the wire):
//
//   table bridge caravan {
//     set silent { type ifname }                              # comment of an element: its VAN
//     chain in    { type filter hook prerouting  …  iifname @silent drop }
//     chain own   { type filter hook input       …  iifname @silent drop }   # link-local groups
//     chain out   { type filter hook postrouting …  oifname @silent drop }
//   }
//
// Why so, and not by setting the port's state when it appears: the rule matches by name and is
// there before QEMU makes the tap, so there is no instant, however short, at which the port speaks;
// it outlives an agent that is killed; and the kernel's set is the only book of who is silent. `nft
// flush ruleset` by somebody else undoes it; the next add() mends it.
#pragma once

#include <string>
#include <vector>

#include "adapters/van/netlink.hpp"
#include "events/ids.hpp"

namespace caravan::van {

struct silent_port {
    std::string device;
    van_name network;
    friend bool operator==(const silent_port&, const silent_port&) = default;
};

class silence {
  public:
    static result<silence> open();

    // In one transaction, with the table itself if it is missing. Transient "silence_failed".
    result<void> add(const std::vector<silent_port>&);
    // Those that are silent carry frames when it returns; others are passed over.
    result<void> lift(const std::vector<std::string>& devices);
    result<std::vector<silent_port>> all();

  private:
    explicit silence(netlink socket) : socket_(std::move(socket)) {}
    netlink socket_;
};

}  // namespace caravan::van
