// walk: every state of an aggregate × every command. Each cell is answered; the table of answers is
// kept in tables/NAME.txt and must be as kept (CARAVAN_REGENERATE=1 writes it anew, to be read in the
// diff). A cell says: facts → phase after them, "no: reason", or "-" if there was nothing to do.
#pragma once

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "actors/shape.hpp"

namespace caravan::test {

inline const instant noon = instant(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) +
                            std::chrono::hours(12);
inline const context here{noon, cloud_name("thales")};

std::string short_name(const fact&);
void compare_with_kept(const std::string& name, const std::string& table);

template <class State>
struct named_state {
    std::string name;
    State state;
};
template <class Command>
struct named_command {
    std::string name;
    Command command;
    bool repeatable = false;  // asked twice it happens twice: it is a note of something that happened
};

template <class State>
State after(State s, const std::vector<said>& facts) {
    for (const auto& f : facts)
        std::visit([&](const auto& group) {
            if constexpr (requires { evolve(s, group, noon); }) evolve(s, group, noon);
        }, f.what);
    return s;
}
template <class State, class... Fact>
State grown(State s, const Fact&... facts) {
    (evolve(s, facts, noon), ...);
    return s;
}

// `right` gives what only grows of a state; `finished` says whether a phase is an end.
template <class State, class Command, class Right, class Finished>
void walk(const std::string& name, const std::vector<named_state<State>>& states,
          const std::vector<named_command<Command>>& commands, Right right, Finished finished) {
    std::string table;
    std::set<std::size_t> phases, asked;
    for (const auto& [title, s] : states) {
        phases.insert(static_cast<std::size_t>(s.now));
        table += title + "\n";
        for (const auto& c : commands) {
            asked.insert(c.command.index());
            INFO(name << " " << title << " × " << c.name);
            const auto answer = decide(s, c.command, here);
            table += "    " + c.name + std::string(c.name.size() < 24 ? 24 - c.name.size() : 1, ' ');
            if (!answer) {
                CHECK_FALSE(answer.error().reason.empty());
                table += "no: " + answer.error().reason + "\n";
                continue;
            }
            if (answer->empty()) {
                table += "-\n";
                continue;
            }
            const auto next = after(s, *answer);
            for (const auto& f : *answer) table += short_name(f.what) + " ";
            table += "→ " + std::string(to_text(next.now)) + "\n";
            CHECK(right(next) >= right(s));
            if (finished(s.now)) CHECK(next.now == s.now);
            if (c.repeatable) continue;
            const auto again = decide(next, c.command, here);  // asked twice, done once
            CHECK((!again || again->empty()));
        }
    }
    CHECK(phases.size() == names_of(states.front().state.now).size());
    CHECK(asked.size() == std::variant_size_v<Command>);
    compare_with_kept(name, table);
}

}  // namespace caravan::test
