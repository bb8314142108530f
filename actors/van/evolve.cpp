#include "actors/van/state.hpp"

namespace caravan::van {

void evolve(state& s, const fact& f, instant) {
    std::visit(overloaded{
        [&](const created& x) { s.now = phase::present; s.vni = x.vni; },
        [&](const deleted&) { s.now = phase::absent; },
        [&](const route_moved& x) { s.routes[x.mac] = {x.at, x.host, x.run_right, false}; },
        [&](const route_dropped& x) {
            auto& route = s.routes[x.mac];
            route.run_right = x.run_right;
            route.dropped = true;
        },
    }, f);
}

}  // namespace caravan::van
