#include "actors/host/state.hpp"

namespace caravan::host {

void evolve(state& s, const fact& f, instant) {
    std::visit(overloaded{
        [&](const came_online& x) { s.now = phase::online; s.has = x.has; },
        [&](const went_offline&) { s.now = phase::offline; },
        [&](const reserved& x) { s.kept[x.migration] = {x.memory, x.disk}; },
        [&](const reservation_released& x) { s.kept.erase(x.migration); },
    }, f);
}

}  // namespace caravan::host
