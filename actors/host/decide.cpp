#include <algorithm>

#include "actors/host/state.hpp"
#include "events/planted.hpp"

namespace caravan::host {

namespace {

bool holds(const std::vector<std::string>& all, const std::string& wanted) {
    return std::find(all.begin(), all.end(), wanted) != all.end();
}

decision keep_room(const state& s, const reserve& c) {
    if (s.kept.contains(c.migration)) return nothing();
    if (s.now != phase::online) return refuse("host_offline", "its agent is not connected");
    // Free space on disk is as the agent last saw it; what is reserved but not yet written counts too.
    room left{s.has.memory - std::min(s.has.memory, c.memory_used), s.has.disk_free};
    for (const auto& [id, kept] : s.kept) {
        left.memory -= std::min(left.memory, kept.memory);
        left.disk -= std::min(left.disk, kept.disk);
    }
    if (c.memory > left.memory && !planted(bug::room_given_twice)) return refuse("no_capacity", "not enough memory");
    if (c.disk > left.disk) return refuse("no_capacity", "not enough disk");
    if (!holds(s.has.machines, c.machine)) return refuse("machine_unsupported", c.machine);
    if (!holds(s.has.cpu_models, c.cpu_model)) return refuse("cpu_unsupported", c.cpu_model);
    for (const auto& digest : c.base_digests)
        if (!holds(s.has.base_digests, digest)) return refuse("no_base_image", digest);
    return facts(fact(reserved{c.migration, c.memory, c.disk}));
}

}  // namespace

decision decide(const state& s, const command& c, const context&) {
    return std::visit(overloaded{
        [&](const hello& x) {
            return s.now == phase::online && s.has == x.has ? nothing() : facts(fact(came_online{x.has}));
        },
        [&](const lose&) { return s.now == phase::online ? facts(fact(went_offline{})) : nothing(); },
        [&](const reserve& x) { return keep_room(s, x); },
        [&](const release& x) {
            return s.kept.contains(x.migration) ? facts(fact(reservation_released{x.migration})) : nothing();
        },
    }, c);
}

}  // namespace caravan::host
