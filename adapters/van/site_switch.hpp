// site_switch: the frames of one site: VXLAN socket, WAN socket, table and associations together.
// It has no thread of its own: the owner calls turn() when a socket is readable, and at least each
// 50 ms.
#pragma once

#include <optional>
#include <vector>

#include "adapters/van/datagram_socket.hpp"
#include "adapters/van/dtls_peers.hpp"
#include "adapters/van/dtls_site_network.hpp"

namespace caravan::van {

class site_switch {
  public:
    site_switch(const cloud_name& own, std::vector<cloud_name> peers, tls::context,
                datagram_socket site, datagram_socket wan, site_listener&);
    site_switch(const site_switch&) = delete;
    site_switch& operator=(const site_switch&) = delete;

    // The table, for all but extending and shrinking, which also decide who is dialled.
    switch_table& table() noexcept { return table_; }
    result<void> extend(const port::van&,
                        const std::vector<std::pair<cloud_name, endpoint>>& peers);
    void shrink(const van_name&);

    int site_descriptor() const noexcept { return site_.descriptor(); }
    int wan_descriptor() const noexcept { return wan_.descriptor(); }
    void turn(tick now);
    void goodbye();
    site_counters count() const;

  private:
    dtls_peers::callbacks callbacks();
    void aim_all();
    void from_host(const endpoint& host, octets datagram, bool cut);
    void from_peer(peer_index, octets plain);
    void carry(const ingress&, std::uint32_t vni, octets frame);
    void note(verdict what) { ++counters_.verdicts[static_cast<std::size_t>(what)]; }
    void complain(const endpoint& from, const failure&);

    std::vector<cloud_name> clouds_;  // by peer_index
    std::vector<std::optional<endpoint>>
        aims_;  // by peer_index: where its proxy was last said to be
    tls::context context_;
    datagram_socket site_, wan_;
    site_listener& listener_;
    switch_table table_;
    dtls_peers peers_;
    tick now_{}, beaten_{}, complained_{};
    egress out_;
    site_counters counters_;
};

}  // namespace caravan::van
