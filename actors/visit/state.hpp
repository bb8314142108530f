// visit: one migration as its destination lives it. It performs what the source asks, answers, and
// looks after itself when the source falls silent.
//
//   absent ─asked─▶ admitting ─admitted─▶ admitted ─release_heard─▶ owed ─acquired─▶ owning ─settled─▶ settled
//                        │                   │ ▲ │
//                        └─────── freed ◀────┘ └─┴ freeing (undone by the source, silence past the deadline, or taken back)
#pragma once

#include "actors/care/need.hpp"
#include "actors/sagas/move_vm.hpp"
#include "events/migration.hpp"

namespace caravan::visit {

enum class phase : std::uint8_t { absent, admitting, admitted, owed, owning, settled, freeing, freed };
inline constexpr std::array<std::string_view, 8> phase_names = {
    "absent", "admitting", "admitted", "owed", "owning", "settled", "freeing", "freed"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct state {
    phase now = phase::absent;
    migration::requested request;
    signed_ticket ticket;
    host_name host;
    std::optional<asking> current;  // being performed
    std::uint64_t rank = 0;         // of the last asking heard: an older one is passed over
    bool acquiring = false;         // the release is heard: resume without being asked
    bool silent = false;            // the deadline passed: look whether the copy is whole
    bool whole = false;             // it is: kept, paused, until its release or its end is heard
    std::string reason;
    std::string why;                // the last of what is done unasked failed
    epoch reclaimed;                // the source's, once it took the run-right back
    instant deadline{};             // of our patience, not of the ticket
    std::uint32_t tries = 1;        // of what is done unasked
    instant retry_at{};             // when the next try begins, or began
};

// Askings of one migration are totally ordered: forward, then undo, each by round, step and attempt.
std::uint64_t rank_of(const asking&) noexcept;

// What clears this side when nobody asks for it.
inline op clearing(const state& s) noexcept { return s.reclaimed.value ? op::yield : op::release; }
// The key of what is done unasked. Never that of an asking: its attempts count from a million.
asking own_key(const state&, op what) noexcept;

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
std::optional<care::wanted> need_of(const state&);
effects pending(const state&);

}  // namespace caravan::visit
