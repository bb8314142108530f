// care: an actor or an adapter that keeps dying. Its supervisor brings it back each time (need.hpp: patience)
// and says so here once that has been too often; three minutes without a death, and it is over.
#pragma once

#include "actors/care/need.hpp"

namespace caravan::care {

enum class phase : std::uint8_t { well, ailing };
inline constexpr std::array<std::string_view, 2> phase_names = {"well", "ailing"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct state {
    phase now = phase::well;
    instant last{};  // death; those after the first are no facts: a restart forgets them
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
effects pending(const state&);
void note(state&, const command&);

}  // namespace caravan::care
