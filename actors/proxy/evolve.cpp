#include "actors/proxy/state.hpp"

namespace caravan::proxy {

void evolve(state& s, const fact& f, instant) {
    std::visit(overloaded{
        [&](const came_online& x) {
            s.now = phase::online;
            s.site_endpoint = x.site_endpoint;
            s.vxlan_address = x.vxlan_address;
        },
        [&](const went_offline&) { s.now = phase::offline; },
        [](const channel_refused&) {},  // for people and auditors; the saga hears of it by its errand
        [](const channel_closed&) {},
    }, f);
}

}  // namespace caravan::proxy
