#include <algorithm>

#include "actors/sagas/state.hpp"

namespace caravan::migration {

namespace {

using saga::move_vm;

duration wait_after(const state& s, std::uint32_t failures) {
    auto p = care::of_steps;
    p.first = std::max<duration>(move_vm[s.step].wait, p.first);
    if (!endless(s)) p.rare = p.longest;
    return care::pause_after(p, failures);
}

void open_step(state& s, std::uint32_t step, instant at) {
    s.step = step;
    const bool there = touches(step, side::destination) && !s.reclaimed;
    s.source = {touches(step, side::source), false, false, 1, at, {}, {}};
    s.destination = {there, false, false, 1, at, {}, {}};
}

void finish(state& s, const step_done& x, instant at) {
    (x.at == side::source ? s.source : s.destination).done = true;
    s.investigating = false;
    if ((s.source.needed && !s.source.done) || (s.destination.needed && !s.destination.done)) return;
    if (s.now == phase::forward) {
        if (s.step + 1 < std::size(move_vm)) open_step(s, s.step + 1, at);
    } else if (s.step > 0) {
        if (const auto next = undo_from(s, s.step - 1)) open_step(s, *next, at);
    }
}

void fail(state& s, const step_failed& x, instant at) {
    auto& part = x.at == side::source ? s.source : s.destination;
    part.since = at;
    part.retry_at = at + wait_after(s, part.attempt);
    part.why = x.why.reason;
    ++part.attempt;
    part.asked = false;
    if (s.step == 0 && x.at == side::destination && x.why.ended == outcome::permanent &&
        s.now == phase::forward)
        s.refused = true;
    s.investigating = s.now == phase::forward && move_vm[s.step].forward == op::start_copy &&
                      x.why.ended == outcome::unknown;
    s.seen.source.clear();
    s.seen.destination.clear();
}

void resolve(state& s, const resolved& x, instant at) {
    s.seen.source.clear();
    s.seen.destination.clear();
    if (x.verdict != "follow" && x.verdict != "wait") return;
    s.investigating = x.verdict == "wait";
    ++s.source.attempt;
    s.source.since = at;
    s.source.retry_at = at + care::of_steps.first;
}

}  // namespace

std::optional<std::uint32_t> undo_from(const state& s, std::uint32_t step) noexcept {
    for (std::uint32_t i = step + 1; i-- > 0;)
        if (move_vm[i].undo != op::none && !(i == 0 && (s.refused || !s.told)) && (!s.reclaimed || touches(i, side::source))) return i;
    return std::nullopt;
}

void evolve(state& s, const fact& f, instant at) {
    std::visit(overloaded{
        [&](const requested& x) {
            s.now = phase::forward;
            s.what = x;
            open_step(s, 0, at);
        },
        [&](const asked& x) {
            s.told = s.destination.asked = true;
            s.destination.attempt = x.key.attempt;
            s.destination.since = at;
            s.destination.retry_at = {};
        },
        [&](const admitted& x) { s.ticket = x.ticket; },
        [&](const step_done& x) { finish(s, x, at); },
        [&](const step_failed& x) { fail(s, x, at); },
        [&](const undoing& x) {
            s.now = phase::undoing;
            s.step = std::max(s.step, s.furthest);
            s.reason = x.reason;
            s.kept = s.investigating = false;
            s.source = {true, false, false, 1, at, {}, {}};
            s.destination = {};
        },
        [&](const vm_kept&) {
            s.kept = true;
            if (const auto next = undo_from(s, s.step)) open_step(s, *next, at);
        },
        [&](const resolved& x) { resolve(s, x, at); },
        [&](const pivot_found&) {
            s.now = phase::forward;
            s.reason.clear();
            open_step(s, saga::pivot_step + 1, at);
        },
        [&](const went_back& x) {
            const auto due = std::max(s.source.retry_at, s.destination.retry_at);
            s.furthest = std::max(s.furthest, s.step);
            ++s.round;
            open_step(s, x.step, at);
            s.source.retry_at = s.destination.retry_at = due;
        },
        [&](const reclaimed&) { s.reclaimed = true; },  // `undoing` follows in the same transaction, too
        [](const abort_requested&) {},  // `undoing` follows in the same transaction
        [](const stuck&) {},
        [&](const ended& x) { s.now = x.done ? phase::done : phase::undone; },
    }, f);
}

}  // namespace caravan::migration
