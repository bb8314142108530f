// The state of one migration at its source: how far the saga move_vm has got.
#pragma once

#include "actors/care/need.hpp"
#include "actors/sagas/move_vm.hpp"
#include "events/migration.hpp"

namespace caravan::migration {

enum class phase : std::uint8_t { absent, forward, undoing, done, undone };
inline constexpr std::array<std::string_view, 5> phase_names = {"absent", "forward", "undoing", "done",
                                                                "undone"};
constexpr const auto& names_of(phase) noexcept { return phase_names; }

struct side_progress {
    bool needed = false, asked = false, done = false;
    std::uint32_t attempt = 1;
    instant since{};     // when this attempt began
    instant retry_at{};  // when the next one is due; epoch 0: none is
    std::string why{};   // the last attempt failed
};

struct state {
    phase now = phase::absent;
    requested what;
    signed_ticket ticket;
    std::uint32_t step = 0;
    std::uint32_t furthest = 0;  // the last step that was begun, if the saga went back since
    std::uint32_t round = 0;     // how often it did
    side_progress source, destination;  // of this step, in this direction
    bool told = false;           // the destination was asked anything: before that it has nothing to undo
    bool refused = false;        // the destination said no to the first step: nothing to undo there
    bool kept = false;           // in undoing: the abort, or the reclaim, is on record in the VM's stream
    bool reclaimed = false;      // by an operator: what is at the destination is not undone from here
    bool investigating = false;  // the copy's outcome is unknown: looking at both sides
    std::string reason;
    struct {  // what commands left that is no fact: gone after a restart, and then looked for again
        note_copied copied;
        std::string source, destination;  // seen while investigating
    } seen;
};

// The order of the table, for decide and evolve alike.
using saga::op_of;
using saga::touches;
// The first step at or before `step` that has something to undo; none: the undo is through.
std::optional<std::uint32_t> undo_from(const state&, std::uint32_t step) noexcept;
inline direction way_of(const state& s) noexcept {
    return s.now == phase::undoing ? direction::undo : direction::forward;
}

decision decide(const state&, const command&, const context&);
void evolve(state&, const fact&, instant at);
std::optional<care::wanted> need_of(const state&);
effects pending(const state&);

// What a command leaves in state::seen; before its facts, if it has any, are evolved.
void note(state&, const command&);

inline bool over(const state& s) noexcept { return s.now == phase::done || s.now == phase::undone; }
// Whether the step is tried until it is done.
inline bool endless(const state& s) noexcept {
    return s.now == phase::undoing || saga::move_vm[s.step].kind == saga::kind::forward;
}
inline bool after_pivot(const state& s) noexcept {
    return s.now == phase::forward && s.step > saga::pivot_step;
}

}  // namespace caravan::migration
