// dtls_site_network: port::site_network at a real site, in its proxy. One thread switches frames
// between VXLAN (RFC 7348) on the site's network and DTLS 1.2 (RFC 6347) on the WAN, by the switch
// table.
//
// It listens for VXLAN on the site's address alone: whoever can send there is a host of the own
// cloud. Kernel VXLAN cannot share UDP port 4789 with it: proxy and host are separate machines or
// network namespaces. Peers are whom tls::pins name, with role "proxy"; a DTLS 1.2 handshake shows
// certificates in clear, so the certificate given here must name nothing that is inside (CN = a
// neutral name).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/ports/network.hpp"
#include "adapters/tls/tls.hpp"
#include "adapters/van/switch_table.hpp"

namespace caravan::van {

struct site_settings {
    std::string vxlan_listen;  // "10.1.0.1:4789"; hosts are reached at the same port
    std::string wan_listen;    // "198.51.100.1:4790"
    tls::material own;
    tls::pins peers;
};

// Told from the switching thread: must not call back into the network, nor block.
class site_listener {
  public:
    virtual ~site_listener() = default;
    virtual void peer_changed(const cloud_name&, bool up, const std::string& detail) = 0;
    // A handshake came to nothing; at most one a second is told.
    virtual void peer_refused(const std::string& from, const failure&) = 0;
};

struct site_counters {
    std::uint64_t from_hosts = 0, from_peers = 0, to_hosts = 0, to_peers = 0;  // frames
    std::array<std::uint64_t, std::size(verdict_names)> verdicts{};
    std::uint64_t too_large = 0;  // frames over frame_max
    std::uint64_t waiting = 0;    // dropped, oldest first, while a peer was down
    std::uint64_t lost = 0;       // not taken by the kernel
};

class dtls_site_network final : public port::site_network {
  public:
    // What tls::datagram_context refuses; permanent "bad_address"; transient "cannot_listen".
    static result<std::unique_ptr<dtls_site_network>> open(const site_settings&, site_listener&);
    ~dtls_site_network() override;

    result<void> extend(const port::van&,
                        const std::vector<std::pair<cloud_name, std::string>>& peers) override;
    result<void> shrink(const van_name&) override;
    result<void> set_route(const port::route&) override;
    result<void> drop_route(const van_name&, const std::string& mac, epoch upto) override;
    result<std::vector<port::route>> observe() override;

    site_counters counters();

  private:
    class loop;
    explicit dtls_site_network(std::unique_ptr<loop>);
    std::unique_ptr<loop> loop_;
};

}  // namespace caravan::van
