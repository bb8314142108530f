// dtls_peers: a proxy's DTLS associations with the proxies of its peers, over one UDP socket. No
// thread, no socket, no clock of its own: the owner brings datagrams and the time. Not for several
// threads.
//
// Of two clouds the one whose name sorts first dials; the other listens. A dialler tries again for
// ever (0.2 s … 2 s). Both say every 0.3 s that they are there; a peer not heard for 1.5 s is down:
// the dialler then dials anew, while the old association is kept until a new one stands, so that a
// WAN that was merely dark works again with the first datagram. Frames for a peer that is down
// wait, at most 64, oldest dropped.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/van/dtls_session.hpp"
#include "adapters/van/switch_table.hpp"

namespace caravan::van {

inline constexpr tick keepalive_every{300}, silence_max{1500}, handshake_patience{5000};
inline constexpr tick redial_first{200}, redial_last{2000};
inline constexpr std::size_t waiting_max = 64, arrivals_max = 64;

class dtls_peers {
  public:
    struct callbacks {
        send_datagram send;
        std::function<void(peer_index, octets plain)> deliver;  // what an authenticated peer sent
        std::function<void(peer_index, bool up, const std::string& detail)> changed;
        std::function<void(const endpoint&, const failure&)>
            refused;  // a handshake came to nothing
    };
    // `peers` as in the switch table. The context (tls::datagram_context) outlives this.
    dtls_peers(SSL_CTX*, cloud_name own, const std::vector<cloud_name>& peers, callbacks);

    // Where a peer's proxy is; nothing: it is not wanted, and any association with it ends.
    void aim(peer_index, const std::optional<endpoint>&, tick now);
    void send(peer_index, std::uint32_t vni, octets frame, tick now);
    void receive(const endpoint& from, octets datagram, tick now);
    void beat(tick now);  // several times a second
    void goodbye();

    std::uint64_t dropped_waiting() const noexcept { return dropped_waiting_; }

  private:
    using session = std::unique_ptr<dtls_session>;
    using packet = std::vector<std::uint8_t>;  // WAN header and frame
    struct link {
        cloud_name cloud;
        bool dials = false;
        std::optional<endpoint> aim;
        session current, pending;  // pending: dialled, not yet open
        tick dialled{}, redial_at{}, redial_after = redial_first;
        tick heard{}, spoke{};
        bool up = false;
        std::deque<packet> waiting;
    };
    struct arrival {  // somebody dialled and returned our cookie; who it is shows at the end
        session shaking;
        hello_random random;
        tick since;
    };

    void greet(const endpoint& from, octets hello, tick now);
    void arrive(std::map<endpoint, arrival>::iterator, octets datagram, tick now);
    void answer(link&, octets datagram, tick now);
    void listen(link&, octets datagram, tick now);
    result<peer_index> judge(const dtls_session&) const;
    void stand(link&, session, tick now);
    void hear(link&, tick now);
    void fall(link&, const std::string& why);
    void dial(link&, tick now);
    void beat(link&, tick now);
    peer_index index(const link& l) const { return static_cast<peer_index>(&l - links_.data()); }

    SSL_CTX* context_;
    cloud_name own_;
    callbacks call_;
    std::vector<link> links_;
    std::map<endpoint, arrival> arrivals_;
    std::uint64_t dropped_waiting_ = 0;
};

}  // namespace caravan::van
