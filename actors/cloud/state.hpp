// cloud: one peer, as far as we may believe it: what of its feed was applied, and whether it stands.
#pragma once

#include "actors/care/need.hpp"
#include "events/cloud.hpp"

namespace caravan::cloud {

enum class phase : std::uint8_t { listening, stopped };
inline constexpr std::array<std::string_view, 2> phase_names = {"listening", "stopped"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct state {
    phase now = phase::listening;
    heard last;          // without its event
    std::string reason;  // why stopped
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
std::optional<care::wanted> need_of(const state&);
inline effects pending(const state&) { return {}; }

}  // namespace caravan::cloud
