#include "actors/sagas/diagram.hpp"

#include "actors/sagas/deeds.hpp"
#include "actors/sagas/move_vm.hpp"
#include "events/json.hpp"

namespace caravan::saga {

namespace {

constexpr std::string_view places[] = {"source", "destination", "both"};
constexpr std::string_view kinds[] = {"undoable", "**pivot**", "forward only"};
constexpr std::string_view entries[] = {"none", "admit", "forget", "keep_vm", "release", "acquire",
                                        "routes_here", "routes_there", "depart", "settle", "reclaim", "forfeit"};
constexpr std::string_view doers[] = {"agent", "proxy", "records"};

std::string time_of(std::chrono::milliseconds t) {
    return t.count() % 1000 ? std::to_string(t.count()) + " ms" : std::to_string(t.count() / 1000) + " s";
}

std::string row_of(std::size_t i) {
    const auto& s = move_vm[i];
    const auto text = [](auto x) { return std::string(x); };
    return "| " + std::to_string(i) + " | " + text(s.name) + " | " + text(places[std::size_t(s.place)]) + " | " +
           text(to_text(s.forward)) + " | " + (s.undo == op::none ? "" : text(to_text(s.undo))) + " | " +
           (s.deadline == by_plan ? "the migration's" : time_of(s.deadline)) + " | " +
           (s.tries == for_ever ? "for ever" : std::to_string(s.tries)) +
           (s.again_from == op::none ? "" : ", again from " + text(to_text(s.again_from))) + " | " + time_of(s.wait) + " | " +
           text(kinds[std::size_t(s.kind)]) + " |\n";
}

std::string deeds_at(op what, side at) {
    std::string text;
    for (const auto& d : deeds_of(what, at)) {
        const auto name = d.who == doer::books ? entries[std::size_t(d.books_entry)] : to_text(d.device_act);
        text += (text.empty() ? "" : ", ") + std::string(doers[std::size_t(d.who)]) + " " + std::string(name) +
                (d.best_effort ? " (best effort)" : d.only_again ? " (only in another round)" : "");
    }
    return text;
}

std::string state_of(std::size_t i) { return "s" + std::to_string(i); }

std::string arrows() {
    std::string text = "```mermaid\nstateDiagram-v2\n";
    const auto arrow = [&](const std::string& from, const std::string& to, std::string_view why) {
        text += "    " + from + " --> " + to + (why.empty() ? "" : " : " + std::string(why)) + "\n";
    };
    std::size_t pivot = pivot_step;
    for (std::size_t i = 0; i < std::size(move_vm); ++i)
        text += "    " + state_of(i) + " : " + std::string(move_vm[i].name) + "\n";
    for (std::size_t i = 0; i < pivot; ++i)
        text += "    u" + std::to_string(i) + " : undo, " + std::string(to_text(move_vm[i].undo)) + "\n";
    text += "    keep : the abort goes on record\n    taken : the run-right comes back, by a higher epoch\n";
    arrow("[*]", state_of(0), "");
    for (std::size_t i = 0; i + 1 < std::size(move_vm); ++i) arrow(state_of(i), state_of(i + 1), "");
    arrow(state_of(std::size(move_vm) - 1), "done", "");
    for (std::size_t i = 0; i <= pivot; ++i) arrow(state_of(i), "keep", i == 0 ? "failed, aborted or late" : "");
    arrow("keep", state_of(pivot + 1), "released already");
    for (std::size_t i = 0; i < pivot; ++i) arrow("keep", "u" + std::to_string(i), "from " + std::string(move_vm[i].name));
    arrow("keep", "undone", "refused");
    for (std::size_t i = pivot; i-- > 1;) arrow("u" + std::to_string(i), "u" + std::to_string(i - 1), "");
    arrow("u0", "undone", "");
    arrow(state_of(pivot + 1), "taken", "reclaimed by an operator");
    arrow("taken", "u" + std::to_string(pivot - 1), "the source's steps only");
    arrow("done", "[*]", "");
    arrow("undone", "[*]", "");
    return text + "```\n";
}

}  // namespace

std::string docs_of_move_vm() {
    std::string text =
        "# The saga move_vm\n\n"
        "Drawn from actors/sagas/move_vm.hpp and deeds.hpp. The source runs it; the destination performs its "
        "side and answers.\nBefore the pivot a failure, an abort or the deadline puts the abort on record and "
        "undoes in reverse order, trying for\never; from the pivot's record on it goes forward only, but for an operator "
        "who takes the run-right back from a\ndestination that is lost for good.\n\n"
        "| | step | where | does | undo | deadline of a try | tries | wait | kind |\n|---|---|---|---|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < std::size(move_vm); ++i) text += row_of(i);
    text += "\n## Who does what\n\nThe deeds of an op, in order. `records` are the cloud's own books: an append to its journal.\n\n"
            "| op | at the source | at the destination |\n|---|---|---|\n";
    for (std::size_t i = 1; i < op_names.size(); ++i) {
        const auto here = deeds_at(op(i), side::source), there = deeds_at(op(i), side::destination);
        text += "| " + std::string(op_names[i]) + " | " + here + " | " + there + " |\n";
    }
    return text + "\n## Its course\n\n" + arrows();
}

}  // namespace caravan::saga
