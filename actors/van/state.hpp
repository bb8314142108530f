// van: a virtual network and where each of its MACs is. A route carries the run-right's epoch; a lower
// one never overwrites a higher.
#pragma once

#include <map>

#include "actors/shape.hpp"
#include "events/van.hpp"

namespace caravan::van {

enum class phase : std::uint8_t { absent, present };
inline constexpr std::array<std::string_view, 2> phase_names = {"absent", "present"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct place {
    cloud_name at;
    host_name host;
    epoch run_right;
    bool dropped = false;  // known by its epoch only
    friend bool operator==(const place&, const place&) = default;
};

struct state {
    phase now = phase::absent;
    std::uint32_t vni = 0;
    std::map<std::string, place> routes;  // by MAC
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
inline effects pending(const state&) { return {}; }

}  // namespace caravan::van
