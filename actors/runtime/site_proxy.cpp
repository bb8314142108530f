#include <set>

#include "actors/runtime/site.hpp"

namespace caravan::runtime {

namespace {

// "CLOUD=host:port"
std::vector<std::pair<cloud_name, std::string>> peers_in(const van_link& v) {
    std::vector<std::pair<cloud_name, std::string>> all;
    for (const auto& text : v.peers)
        if (const auto equals = text.find('='); equals != text.npos)
            all.emplace_back(cloud_name(text.substr(0, equals)), text.substr(equals + 1));
    return all;
}

// A migration names the VANs it needs; an order of no migration names all that are.
act_result extend(port::site_network& network, std::set<van_name>& carried, const order& o) {
    std::set<van_name> named;
    for (const auto& v : o.vans) {
        if (auto how = network.extend({v.name, v.vni}, peers_in(v)); !how) return tl::unexpected(how.error());
        named.insert(v.name);
    }
    if (o.key.migration.empty())
        for (const auto& name : carried)
            if (!named.contains(name))
                if (auto how = network.shrink(name); !how) return tl::unexpected(how.error());
    if (o.key.migration.empty()) carried = std::move(named);
    else carried.merge(named);
    return std::optional<job>();
}

// Sets all that can be set: one stale route must not hold up the others.
act_result set_routes(port::site_network& network, const order& o) {
    result<void> how;
    for (const auto& r : o.routes) {
        auto one = network.set_route({r.van, r.mac, r.here, r.at, r.host, r.host_endpoint, r.run_right});
        if (!one && one.error().reason != "stale_route") how = one;
    }
    return as_act(how);
}

act_result drop_routes(port::site_network& network, const order& o) {
    for (const auto& r : o.routes)
        if (auto how = network.drop_route(r.van, r.mac, r.run_right); !how) return tl::unexpected(how.error());
    return std::optional<job>();
}

}  // namespace

site_proxy::site_proxy(caf::actor_system& system, port::link_client& link, proxy_ports ports,
                       std::function<void(const std::string&)> log, loops& home)
    : site(system, home, link, std::move(log)), ports_(std::move(ports)) {
    auto& n = *ports_.network;
    auto& c = *ports_.channel;
    adapter_acts relays;
    relays.acts = {
        {act::open_relay, [&c](const order& o) { return as_act(c.open(o.about)); }},
        {act::close_relay, [&c](const order& o) { return as_act(c.close(o.about.id)); }},
        {act::send_record, [&c](const order& o) { return as_act(c.send_record(o.about.id, o.record)); }},
    };
    add("channel", 2, std::move(relays));
    adapter_acts routes;
    routes.acts = {
        {act::extend_vans, [&n, carried = std::make_shared<std::set<van_name>>()](const order& o) {
            return extend(n, *carried, o);
        }},
        {act::set_routes, [&n](const order& o) { return set_routes(n, o); }},
        {act::drop_routes, [&n](const order& o) { return drop_routes(n, o); }},
    };
    add("network", 1, std::move(routes));
}

std::string site_proxy::hello() {
    proxy_hello h{ports_.site_endpoint, ports_.vxlan_address, {}};
    if (const auto open = ports_.channel->observe())
        for (const auto& one : *open) h.jobs.push_back(one.id);
    return frame_of("proxy", h);
}

void site_proxy::refused(const port::channel_refusal& r) {
    send(frame_of("sighting", sighting{sighting::kind::refused, r.id, r.reason, r.detail}));
}
void site_proxy::closed(const migration_id& id, const std::string& reason) {
    send(frame_of("sighting", sighting{sighting::kind::closed, id, reason, {}}));
}
void site_proxy::destination_ready(const migration_id& id) {
    send(frame_of("sighting", sighting{sighting::kind::destination_ready, id, {}, {}}));
}
void site_proxy::record_heard(const migration_id& id, const std::string& bytes) {
    send(frame_of("sighting", sighting{sighting::kind::record, id, bytes, {}}));
}

}  // namespace caravan::runtime
