#include "actors/cloud/state.hpp"

namespace caravan::cloud {

void evolve(state& s, const fact& f, instant) {
    std::visit(overloaded{
        [&](const heard& x) { s.last = {x.at, x.incarnation, x.link, {}}; },
        [&](const feed_stopped& x) { s.now = phase::stopped; s.reason = x.reason; },
        [&](const feed_resumed& x) {
            s.now = phase::listening;
            s.reason.clear();
            if (x.anew) s.last = {};  // what was applied is passed over by those it concerns: all of it is idempotent
        },
    }, f);
}

}  // namespace caravan::cloud
