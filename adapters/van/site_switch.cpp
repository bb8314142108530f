#include "adapters/van/site_switch.hpp"

#include <algorithm>
#include <utility>

namespace caravan::van {
namespace {

constexpr tick beat_every{50}, complaint_every{1000};

}  // namespace

site_switch::site_switch(const cloud_name& own, std::vector<cloud_name> peers, tls::context context,
                         datagram_socket site, datagram_socket wan, site_listener& listener)
    : clouds_(std::move(peers)),
      aims_(clouds_.size()),
      context_(std::move(context)),
      site_(std::move(site)),
      wan_(std::move(wan)),
      listener_(listener),
      table_(clouds_, site_.bound().port),
      peers_(context_.get(), own, clouds_, callbacks()) {}

dtls_peers::callbacks site_switch::callbacks() {
    return {[this](const endpoint& to, octets datagram) { wan_.send(to, datagram); },
            [this](peer_index from, octets plain) { from_peer(from, plain); },
            [this](peer_index peer, bool up, const std::string& detail) {
                listener_.peer_changed(clouds_[peer], up, detail);
            },
            [this](const endpoint& from, const failure& why) { complain(from, why); }};
}

result<void> site_switch::extend(const port::van& van,
                                 const std::vector<std::pair<cloud_name, endpoint>>& peers) {
    std::vector<cloud_name> names;
    for (const auto& [cloud, at] : peers) names.push_back(cloud);
    if (auto extended = table_.extend(van, names); !extended) return extended;
    for (const auto& [cloud, at] : peers)
        aims_[static_cast<std::size_t>(std::find(clouds_.begin(), clouds_.end(), cloud) -
                                       clouds_.begin())] = at;
    aim_all();
    return {};
}

void site_switch::shrink(const van_name& name) {
    table_.shrink(name);
    aim_all();
}

// A peer is dialled while some VAN is extended to it.
void site_switch::aim_all() {
    for (std::size_t i = 0; i < aims_.size(); ++i) {
        const auto peer = static_cast<peer_index>(i);
        peers_.aim(peer, table_.uses(peer) ? aims_[i] : std::nullopt, now_);
    }
}

void site_switch::from_host(const endpoint& host, octets datagram, bool cut) {
    ++counters_.from_hosts;
    const auto packet = read_vxlan(datagram);
    if (!packet) return note(verdict::malformed);
    if (cut || packet->frame.size() > frame_max) return void(++counters_.too_large);
    carry(ingress{std::nullopt, host}, packet->vni, packet->frame);
}

void site_switch::from_peer(peer_index peer, octets plain) {
    const auto packet = read_wan(plain);
    if (packet && packet->kind == wan_kind::keepalive) return;
    ++counters_.from_peers;
    if (!packet) return note(verdict::malformed);
    if (packet->frame.size() > frame_max) return void(++counters_.too_large);
    carry(ingress{peer, {}}, packet->vni, packet->frame);
}

void site_switch::carry(const ingress& from, std::uint32_t vni, octets frame) {
    note(table_.forward(from, vni, frame, now_, out_));
    std::array<std::uint8_t, vxlan_header> head;
    write_vxlan(vni, head);
    for (const auto& host : out_.hosts) site_.send(host, head, frame);
    for (const auto peer : out_.peers) peers_.send(peer, vni, frame, now_);
    counters_.to_hosts += out_.hosts.size();
    counters_.to_peers += out_.peers.size();
}

// Anybody can make a handshake fail: one complaint a second is enough to read.
void site_switch::complain(const endpoint& from, const failure& why) {
    if (now_ - complained_ < complaint_every) return;
    complained_ = now_;
    listener_.peer_refused(to_text(from), why);
}

void site_switch::turn(tick now) {
    now_ = now;
    site_.receive([this](const endpoint& from, octets datagram, bool cut) {
        from_host(from, datagram, cut);
    });
    wan_.receive([this](const endpoint& from, octets datagram, bool cut) {
        if (!cut) peers_.receive(from, datagram, now_);
    });
    if (now - beaten_ >= beat_every) {
        peers_.beat(now);
        beaten_ = now;
    }
    site_.flush();
    wan_.flush();
}

void site_switch::goodbye() {
    peers_.goodbye();
    wan_.flush();
}

site_counters site_switch::count() const {
    auto all = counters_;
    all.waiting = peers_.dropped_waiting();
    all.lost = site_.lost() + wan_.lost();
    return all;
}

}  // namespace caravan::van
