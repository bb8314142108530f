// vm: who may run it, and what it is doing.
//
//   absent ──discovered──▶ stopped ◀──▶ running ──move_begun──▶ moving ──run_right_released──▶ released
//     ▲ │                                  ▲  ▲                  │                                 │
//     │ └─expected─▶ expected ──acquired───┘  └──move_abandoned──┘                                 │
//     └──────────────────┴ unexpected ◀───────────────── departed ─────────────────────────────────┘
//
// An operator's reclaim leads from released to stopped, at its destination (run_right_lost) from expected or
// running to absent. The run-right's epoch is remembered for ever, also when the VM is absent: it only grows.
#pragma once

#include "actors/care/need.hpp"
#include "events/vm.hpp"

namespace caravan::vm {

enum class phase : std::uint8_t { absent, stopped, running, moving, released, expected };
inline constexpr std::array<std::string_view, 6> phase_names = {"absent", "stopped",  "running",
                                                                "moving", "released", "expected"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct state {
    phase now = phase::absent;
    vm_spec spec;
    host_name host;
    epoch run_right;             // the highest ever held or released here
    migration_id move;           // in moving, released, expected; the last one after departed
    cloud_name peer;             // of that move
    bool strayed = false;        // seen running without right
    host_name astray;            // where
    epoch expected_right;        // in expected
};

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
std::optional<care::wanted> need_of(const state&);
inline effects pending(const state&) { return {}; }

}  // namespace caravan::vm
