// step: a saga as data. A table of steps is read at a glance and checked at compile time.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "events/op.hpp"

namespace caravan::saga {

using namespace std::chrono_literals;

enum class where : std::uint8_t { source, destination, both };
enum class kind : std::uint8_t {
    undoable,  // before the pivot: undone in reverse order if a later step fails
    pivot,     // once: from its record on there is no way back
    forward,   // after the pivot: tried for ever, each retry visible
};

inline constexpr std::uint32_t for_ever = 0;           // tries
inline constexpr std::chrono::milliseconds by_plan{0};  // deadline: the migration's own

struct step {
    std::string_view name;
    where place;
    op forward, undo;
    std::chrono::milliseconds deadline;  // of one attempt
    std::uint32_t tries;
    std::chrono::milliseconds wait;      // before the next attempt
    saga::kind kind;
    op again_from = op::none;            // the earlier step with which another try begins; none: itself
};

// What a table must be, proven when it is compiled.
constexpr bool sound(std::span<const step> table) {
    std::size_t pivots = 0;
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto& s = table[i];
        for (std::size_t j = 0; j < i; ++j)
            if (table[j].name == s.name || table[j].forward == s.forward) return false;
        if (s.name.empty() || s.forward == op::none || s.deadline < 0ms) return false;
        if (s.kind == kind::pivot) ++pivots;
        const kind due = pivots == 0 ? kind::undoable : s.kind == kind::pivot ? kind::pivot : kind::forward;
        if (s.kind != due || pivots > 1) return false;
        if ((s.undo != op::none) != (s.kind == kind::undoable)) return false;
        if ((s.tries == for_ever) != (s.kind == kind::forward)) return false;
        if (s.again_from != op::none) {
            std::size_t j = 0;
            while (j < i && table[j].forward != s.again_from) ++j;
            if (j == i || s.kind != kind::undoable) return false;
        }
        if (s.deadline == by_plan && s.kind != kind::undoable) return false;
    }
    return !table.empty();
}

}  // namespace caravan::saga
