#include "adapters/van/switch_table.hpp"

#include <algorithm>

namespace caravan::van {
namespace {

bool fresh(tick seen, tick now) noexcept {
    return now - seen <= ageing;
}

bool contains(const auto& list, const auto& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

switch_table::switch_table(std::vector<cloud_name> peers, std::uint16_t vxlan_port)
    : peers_(std::move(peers)), vxlan_port_(vxlan_port) {}

switch_table::segment* switch_table::find(const van_name& name) {
    for (auto& [vni, network] : segments_)
        if (network.name == name) return &network;
    return nullptr;
}

std::optional<peer_index> switch_table::index_of(const cloud_name& cloud) const {
    const auto at = std::find(peers_.begin(), peers_.end(), cloud);
    if (at == peers_.end()) return std::nullopt;
    return static_cast<peer_index>(at - peers_.begin());
}

result<void> switch_table::extend(const port::van& van, const std::vector<cloud_name>& peers) {
    if (van.vni == 0 || van.vni > vni_max)
        return permanent("bad_vni", std::to_string(van.vni) + " is not in 1 … 2^24 − 1");
    std::vector<peer_index> members;
    for (const auto& cloud : peers) {
        const auto index = index_of(cloud);
        if (!index) return permanent("unknown_peer", "no CA is pinned for " + cloud.text);
        if (!contains(members, *index)) members.push_back(*index);
    }
    const auto* known = find(van.name);
    const auto taken = segments_.find(van.vni);
    if (taken != segments_.end() && taken->second.name != van.name)
        return permanent("vni_taken", std::to_string(van.vni) + ": " + taken->second.name.text);
    if (known != nullptr && taken == segments_.end()) shrink(van.name);  // it was given another VNI
    if (segments_.size() >= vans_max && taken == segments_.end())
        return transient("too_many_vans", std::to_string(vans_max) + " are extended");
    auto& network = segments_[van.vni];
    network.name = van.name;
    network.peers = std::move(members);
    return {};
}

void switch_table::shrink(const van_name& name) {
    std::erase_if(segments_, [&](const auto& each) { return each.second.name == name; });
}

result<switch_table::place> switch_table::place_of(const port::route& route) const {
    if (!route.here) return place{false, {}, index_of(route.at)};
    auto host = parse_address(route.host_endpoint, vxlan_port_);
    if (!host) return permanent("bad_route", host.error().detail);
    return place{true, *host, {}};
}

result<void> switch_table::set_route(const port::route& route) {
    auto* network = find(route.network);
    if (network == nullptr)
        return transient("no_such_van", route.network.text + " is not extended");
    const auto mac = parse_mac(route.mac);
    if (!mac || is_group(*mac))
        return permanent("bad_route", "\"" + route.mac + "\" is no VM's MAC");
    auto at = place_of(route);
    if (!at) return tl::unexpected(at.error());
    auto known = network->routes.find(*mac);
    if (known != network->routes.end()) {
        const auto& old = known->second;
        const bool contradicts = old.route && route.run_right == old.route->run_right &&
                                 (route.here != old.route->here || route.at != old.route->at);
        if (route.run_right < old.floor || contradicts)
            return permanent("stale_route", route.mac + ": epoch " +
                                                std::to_string(route.run_right.value) +
                                                ", known is " + std::to_string(old.floor.value));
    } else if (network->routes.size() >= routes_max) {
        return transient("too_many_routes", route.network.text);
    }
    network->routes[*mac] = routed{route, *at, route.run_right};
    network->learned.erase(*mac);
    return {};
}

void switch_table::drop_route(const van_name& name, mac_address mac, epoch upto) {
    auto* network = find(name);
    if (network == nullptr) return;
    const auto known = network->routes.find(mac);
    if (known == network->routes.end() || known->second.floor > upto) return;
    known->second = routed{std::nullopt, {}, upto};
}

std::vector<port::route> switch_table::routes() const {
    std::vector<port::route> all;
    for (const auto& [vni, network] : segments_)
        for (const auto& [mac, entry] : network.routes)
            if (entry.route) all.push_back(*entry.route);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::tie(a.network, a.mac) < std::tie(b.network, b.mac);
    });
    return all;
}

bool switch_table::uses(peer_index peer) const {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const auto& each) { return contains(each.second.peers, peer); });
}

switch_table::place switch_table::origin(const ingress& from) {
    if (from.peer) return place{false, {}, from.peer};
    return place{true, from.host, {}};
}

// Whether the source MAC may be heard from there; learns what has no route.
bool switch_table::may_speak(segment& network, mac_address from, const place& at, tick now) {
    const auto known = network.routes.find(from);
    if (known != network.routes.end() && known->second.route) return known->second.at == at;
    const auto learned = network.learned.find(from);
    if (learned != network.learned.end()) {
        auto& entry = learned->second;
        if (entry.at.here && !at.here && fresh(entry.seen, now)) return false;
        entry = heard{at, now};
        return true;
    }
    if (network.learned.size() >= learned_max)
        std::erase_if(network.learned,
                      [&](const auto& each) { return !fresh(each.second.seen, now); });
    // A full table learns no more; such frames are flooded, which is right, if dear.
    if (network.learned.size() < learned_max) network.learned.emplace(from, heard{at, now});
    return true;
}

const switch_table::place* switch_table::lookup(const segment& network, mac_address to, tick now) {
    const auto known = network.routes.find(to);
    if (known != network.routes.end() && known->second.route) return &known->second.at;
    const auto learned = network.learned.find(to);
    if (learned != network.learned.end() && fresh(learned->second.seen, now))
        return &learned->second.at;
    return nullptr;
}

verdict switch_table::to_one(const segment& network, const place& to, const place& from,
                             egress& out) {
    if (to == from) return verdict::nowhere;
    if (to.here) {
        out.hosts.push_back(to.host);
        return verdict::forwarded;
    }
    if (!from.here) return verdict::wan_to_wan;
    if (!to.peer || !contains(network.peers, *to.peer)) return verdict::nowhere;
    out.peers.push_back(*to.peer);
    return verdict::forwarded;
}

verdict switch_table::to_all(const segment& network, const place& from, tick now, egress& out) {
    const auto add = [&](const endpoint& host) {
        if (!(from.here && host == from.host) && !contains(out.hosts, host))
            out.hosts.push_back(host);
    };
    for (const auto& [host, seen] : network.members)
        if (fresh(seen, now)) add(host);
    for (const auto& [mac, entry] : network.routes)
        if (entry.route && entry.at.here) add(entry.at.host);
    if (from.here) out.peers = network.peers;
    return out.hosts.empty() && out.peers.empty() ? verdict::nowhere : verdict::forwarded;
}

verdict switch_table::forward(const ingress& from, std::uint32_t vni, octets frame, tick now,
                              egress& out) {
    out.hosts.clear();
    out.peers.clear();
    const auto header = read_ethernet(frame);
    if (!header || is_group(header->from) || header->from == 0) return verdict::malformed;
    const auto found = segments_.find(vni);
    if (found == segments_.end()) return verdict::unknown_van;
    auto& network = found->second;
    if (from.peer && !contains(network.peers, *from.peer)) return verdict::not_extended;
    auto at = origin(from);
    at.host.port = at.here ? vxlan_port_ : at.host.port;  // VXLAN's source port is mere entropy
    if (!may_speak(network, header->from, at, now)) return verdict::wrong_source;
    if (at.here && (network.members.size() < hosts_max || network.members.contains(at.host)))
        network.members[at.host] = now;
    const auto* to = is_group(header->to) ? nullptr : lookup(network, header->to, now);
    return to != nullptr ? to_one(network, *to, at, out) : to_all(network, at, now, out);
}

}  // namespace caravan::van
