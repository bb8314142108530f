#include "adapters/sim/network.hpp"

#include "events/planted.hpp"

namespace caravan::sim {

result<void> sim_host_network::attach_silent(const job& j, const std::vector<port::van>& vans) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& v : vans) vans_[v.name] = v;
    }
    world_.plug(where_, j.vm, false);
    return {};
}
result<void> sim_host_network::activate(const job& j) {
    world_.plug(where_, j.vm, true);
    return {};
}
result<void> sim_host_network::detach(const job& j) {
    world_.unplug(where_, j.vm);
    return {};
}
result<void> sim_host_network::ensure(const std::vector<port::van>& vans) {
    const std::lock_guard lock(mutex_);
    vans_.clear();
    for (const auto& v : vans) vans_[v.name] = v;
    return {};
}
result<std::vector<port::van>> sim_host_network::observe() {
    const std::lock_guard lock(mutex_);
    std::vector<port::van> all;
    for (const auto& [name, v] : vans_) all.push_back(v);
    return all;
}

result<void> sim_site_network::extend(const port::van& v,
                                      const std::vector<std::pair<cloud_name, std::string>>&) {
    const std::lock_guard lock(mutex_);
    vans_[v.name] = v;
    return {};
}
result<void> sim_site_network::shrink(const van_name& name) {
    const std::lock_guard lock(mutex_);
    vans_.erase(name);
    std::erase_if(routes_, [&](const auto& r) { return r.first.first == name; });
    return {};
}
result<void> sim_site_network::set_route(const port::route& r) {
    const std::lock_guard lock(mutex_);
    auto& known = routes_[{r.network, r.mac}];
    if (r.run_right < known.run_right && !planted(bug::route_without_epoch)) return permanent("stale_route", r.mac);
    if (replaced) replaced(known, r);
    known = r;
    return {};
}
result<void> sim_site_network::drop_route(const van_name& name, const std::string& mac,
                                          epoch upto) {
    const std::lock_guard lock(mutex_);
    const auto found = routes_.find({name, mac});
    if (found != routes_.end() && found->second.run_right <= upto) routes_.erase(found);
    return {};
}
result<std::vector<port::route>> sim_site_network::observe() {
    const std::lock_guard lock(mutex_);
    std::vector<port::route> all;
    for (const auto& [key, r] : routes_) all.push_back(r);
    return all;
}

}  // namespace caravan::sim
