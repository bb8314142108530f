// proxy: whether the site's door is there, and what it turned away.
#pragma once

#include "actors/shape.hpp"
#include "events/proxy.hpp"

namespace caravan::proxy {

enum class phase : std::uint8_t { unknown, online, offline };
inline constexpr std::array<std::string_view, 3> phase_names = {"unknown", "online", "offline"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct state {
    phase now = phase::unknown;
    std::string site_endpoint, vxlan_address;
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
inline effects pending(const state&) { return {}; }

}  // namespace caravan::proxy
