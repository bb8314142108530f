#include <algorithm>

#include "actors/van/state.hpp"
#include "events/planted.hpp"

namespace caravan::van {

namespace {

decision move(const state& s, const move_route& c, const context& now) {
    if (s.now == phase::absent) return refuse("no_such_van");
    const auto known = s.routes.find(c.mac);
    if (known != s.routes.end() && !planted(bug::route_without_epoch)) {
        const auto& route = known->second;
        if (c.run_right < route.run_right)
            return refuse("stale_route", c.mac + " has a route of epoch " + std::to_string(route.run_right.value));
        if (c.run_right == route.run_right && c.at != route.at && !route.dropped)
            return refuse("stale_route", c.mac + " is at " + route.at.text + " by the same epoch");
        if (route == place{c.at, c.host, c.run_right, false}) return nothing();
    }
    std::vector<said> all;
    // Every peer learns where the address is from the cloud that has it, and from nobody else.
    all.push_back({fact(route_moved{c.mac, c.at, c.host, c.run_right}),
                   c.at == now.own ? cloud_name("*") : cloud_name()});
    return all;
}

}  // namespace

decision decide(const state& s, const command& c, const context& now) {
    return std::visit(overloaded{
        [&](const create& x) -> decision {
            if (s.now == phase::present)
                return s.vni == x.vni ? nothing() : refuse("van_exists", "with another VNI");
            if (x.vni == 0 || x.vni >= 1u << 24) return refuse("bad_vni", "a VNI is 1 … 16777215");
            std::vector<said> all;
            all.push_back({fact(created{x.vni, x.by}), x.by == now.own ? cloud_name("*") : cloud_name()});
            return all;
        },
        [&](const remove&) -> decision {
            if (s.now == phase::absent) return refuse("no_such_van");
            const bool used = std::any_of(s.routes.begin(), s.routes.end(),
                                          [](const auto& r) { return !r.second.dropped; });
            return used ? refuse("van_in_use", "VMs are plugged into it") : facts(fact(deleted{}));
        },
        [&](const move_route& x) { return move(s, x, now); },
        [&](const drop_route& x) {
            const auto known = s.routes.find(x.mac);
            const bool current = known != s.routes.end() && !known->second.dropped &&
                                 known->second.run_right <= x.run_right;
            return current ? facts(fact(route_dropped{x.mac, x.run_right})) : nothing();
        },
    }, c);
}

}  // namespace caravan::van
