// host: what one host can take in, and for whom room is kept.
#pragma once

#include <map>

#include "actors/shape.hpp"
#include "events/host.hpp"

namespace caravan::host {

enum class phase : std::uint8_t { unknown, online, offline };
inline constexpr std::array<std::string_view, 3> phase_names = {"unknown", "online", "offline"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct room {
    bytes memory = 0, disk = 0;
    friend bool operator==(const room&, const room&) = default;
};

struct state {
    phase now = phase::unknown;
    inventory has;
    std::map<migration_id, room> kept;
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
inline effects pending(const state&) { return {}; }

}  // namespace caravan::host
