// need: when something that keeps failing needs a person, and how often it is tried meanwhile. The one place
// that says so. A state says what it needs by `need_of`; the event that tells of it, and the one that tells
// when it is over, follow from two states.
#pragma once

#include <algorithm>
#include <array>

#include "actors/shape.hpp"

namespace caravan::care {

using namespace std::chrono_literals;

// Tries go on for ever: at pauses that double, and, once a person was told, rarely.
struct patience {
    duration first, longest;  // pauses
    std::uint32_t limit;      // tries in a row that fail before a person is told
    duration rare;            // pauses from then on
};
inline constexpr patience of_steps{500ms, 30s, 6, 60s};
inline constexpr patience of_actors{50ms, 30s, 10, 60s};  // and of adapters
inline constexpr duration calm_after = 3min;  // who has lived so long does not keep dying; longer than any pause

constexpr duration pause_after(const patience& p, std::uint32_t failures) noexcept {
    if (failures >= p.limit) return p.rare;
    return std::min(p.first * (1 << std::min(failures - 1, 16u)), p.longest);
}

// Each has its page, docs/runbooks/NAME.md.
enum class need : std::uint8_t {
    run_right_not_acquired,  // released here, and the destination does not say that it has it
    handover_stands_still,   // a later step does not come to an end
    undo_stands_still,
    awaiting_word,           // a whole copy, paused, and no word from its source
    copy_not_resumed,        // the run-right is ours, its copy does not run
    visit_not_cleared,       // what is left of a migration that did not happen
    runs_without_right,
    feed_stopped,
    keeps_dying,
};
inline constexpr std::array<std::string_view, 9> need_names = {
    "run_right_not_acquired", "handover_stands_still", "undo_stands_still", "awaiting_word", "copy_not_resumed",
    "visit_not_cleared",      "runs_without_right",    "feed_stopped",      "keeps_dying"};
constexpr const auto& names_of(need) noexcept { return need_names; }

// Of these a journal that cannot be gone on with can hold no event; they have their pages all the same.
inline constexpr std::array<std::string_view, 3> journal_needs = {"journal_rewound", "journal_failed", "journal_broken"};

struct wanted {
    need why;
    std::string observed, next;  // what was seen; the command to run next
};

inline needs_person told(const wanted& w) { return {std::string(to_text(w.why)), w.observed, w.next}; }

// What was decided, and what follows from it for people. Group: the facts of State.
template <class Group, class State>
decision with_care(const State& before, decision decided, instant now) {
    if (!decided || decided->empty()) return decided;
    State after = before;
    for (const auto& s : *decided)
        if (const auto* mine = s.stream.empty() ? std::get_if<Group>(&s.what) : nullptr) evolve(after, *mine, now);
    const auto was = need_of(before), is = need_of(after);
    if (was && is && was->why == is->why) return decided;
    if (was) decided->push_back({fact(relieved{std::string(to_text(was->why))})});
    if (is) decided->push_back({fact(told(*is))});
    return decided;
}

}  // namespace caravan::care
