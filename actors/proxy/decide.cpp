#include "actors/proxy/state.hpp"

namespace caravan::proxy {

decision decide(const state& s, const command& c, const context&) {
    return std::visit(overloaded{
        [&](const hello& x) {
            const bool same = s.now == phase::online && s.site_endpoint == x.site_endpoint &&
                              s.vxlan_address == x.vxlan_address;
            return same ? nothing() : facts(fact(came_online{x.site_endpoint, x.vxlan_address}));
        },
        [&](const lose&) { return s.now == phase::online ? facts(fact(went_offline{})) : nothing(); },
        [&](const note_refusal& x) { return facts(fact(channel_refused{x.migration, x.reason, x.detail})); },
        [&](const note_close& x) { return facts(fact(channel_closed{x.migration, x.reason})); },
    }, c);
}

}  // namespace caravan::proxy
