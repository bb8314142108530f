#include "actors/care/state.hpp"

namespace caravan::care {

decision decide(const state& s, const command& c, const context& now) {
    if (const auto* x = std::get_if<died>(&c)) {
        if (s.now == phase::ailing) return nothing();
        return facts(fact(told({need::keeps_dying, x->observed, "caravan audit verify"})));
    }
    if (s.now == phase::well || now.now < s.last + calm_after) return nothing();
    return facts(fact(relieved{std::string(to_text(need::keeps_dying))}));
}

void evolve(state& s, const fact& f, instant at) {
    s.now = std::holds_alternative<needs_person>(f) ? phase::ailing : phase::well;
    s.last = std::max(s.last, at);
}

void note(state& s, const command& c) {
    if (const auto* x = std::get_if<died>(&c)) s.last = std::max(s.last, x->at);
}

effects pending(const state& s) {
    if (s.now == phase::well) return {};
    return {wake{s.last + calm_after, command(calm{})}};
}

}  // namespace caravan::care
