// The interpreter of move_vm's table: one command in, facts out. Everything about order, tries and
// undoing is read off the table; only the copy's unknown outcome and the pivot have words of their own.
#include "actors/sagas/resolver.hpp"
#include "actors/sagas/state.hpp"

namespace caravan::migration {

namespace {

using saga::kind;
using saga::move_vm;
using saga::where;

constexpr std::uint32_t copy_step = saga::index_of(op::start_copy);

said to_peer(const state& s, fact what) { return {std::move(what), s.what.to}; }

// What opens a step: the asking of the destination goes on record; the source's errand follows from
// the state (pending).
void open_step(const state& s, std::uint32_t step, direction way, std::uint32_t attempt,
               std::vector<said>& to) {
    if (!touches(step, side::destination)) return;
    asked a{{s.what.id, step, way, attempt, op_of(step, way)}, {}};
    if (a.key.what == op::reserve) {
        a.about.push_back(s.what);
        a.about.back().host = {};  // where it runs here is nobody's business
    }
    to.push_back(to_peer(s, fact(std::move(a))));
}

void look_there(const state& s, std::vector<said>& to) {
    asked a{{s.what.id, s.step, direction::forward, s.destination.attempt + 1, op::observe}, {}};
    to.push_back(to_peer(s, fact(std::move(a))));
}

fact end(const state& s, bool done) {
    const auto& c = s.seen.copied;
    return ended{done, s.refused, s.reason, c.downtime, c.disk, c.memory};
}

decision begin_undo(const std::string& reason, std::vector<said> first) {
    first.push_back({fact(undoing{reason})});
    return first;
}

// One side finished its part of the step.
decision finished(const state& s, side at, const hear_result& r) {
    std::vector<said> all;
    const auto way = way_of(s);
    if (!r.ticket.body.empty()) all.push_back({fact(admitted{r.ticket})});
    all.push_back({fact(step_done{s.step, way, at})});
    const auto& other = at == side::source ? s.destination : s.source;
    if (other.needed && !other.done) return all;
    if (way == direction::forward) {
        if (s.step + 1 == std::size(move_vm)) all.push_back({end(s, true)});
        else open_step(s, s.step + 1, way, 1, all);
    } else if (const auto next = s.step == 0 ? std::nullopt : undo_from(s, s.step - 1)) {
        open_step(s, *next, way, 1, all);
    } else {
        all.push_back({end(s, false)});
    }
    return all;
}

bool may_try_again(const state& s, const side_progress& part, const step_result& how, instant now) {
    if (s.now == phase::undoing) return true;
    const auto& step = move_vm[s.step];
    if (step.kind == kind::forward) return true;
    if (how.ended == outcome::permanent || now >= s.what.deadline) return false;
    if (step.kind == kind::pivot) return true;  // its op looks before it acts; only the deadline ends it
    return part.attempt < step.tries;
}

// After the pivot and in an undo retries never end, so a person is told, seldom.
bool worth_telling(const side_progress& part) { return part.attempt == 5 || part.attempt % 50 == 0; }

decision failed(const state& s, side at, const step_result& how, instant now) {
    const auto& part = at == side::source ? s.source : s.destination;
    const auto way = way_of(s);
    std::vector<said> all;
    all.push_back({fact(step_failed{s.step, way, at, part.attempt, how})});
    if (s.now == phase::forward && s.step == copy_step && how.ended == outcome::unknown &&
        now < s.what.deadline) {
        look_there(s, all);
        return all;
    }
    if (may_try_again(s, part, how, now)) {
        const bool endless = s.now == phase::undoing || move_vm[s.step].kind == kind::forward;
        if (endless && worth_telling(part))
            all.push_back({fact(stuck{s.step, how.reason, "attempt " + std::to_string(part.attempt),
                                      "caravan status"})});
        return all;
    }
    const bool refused_there = s.step == 0 && how.ended == outcome::permanent;
    return begin_undo(refused_there ? how.reason : now >= s.what.deadline ? "deadline_passed" : how.reason,
                      std::move(all));
}

// Both sides were looked at: the resolver's table says what it means.
decision look(const state& s, const hear_result& r, instant now) {
    auto source = s.seen.source, there = s.seen.destination;
    (r.at == side::source ? source : there) = r.how.ended == outcome::ok ? r.how.reason : "unseen";
    if ((source.empty() || there.empty()) && now < s.what.deadline) return nothing();
    const auto here = from_text<saga::source_world>(source).value_or(saga::source_world::unseen);
    const auto word = there.empty() ? saga::destination_word::unseen
                                    : from_text<saga::destination_word>(there).value_or(
                                          saga::destination_word::nothing);
    auto verdict = saga::resolve(here, word);
    if (verdict == saga::verdict::wait && now >= s.what.deadline) verdict = saga::verdict::abort;
    std::vector<said> all;
    all.push_back({fact(resolved{std::string(to_text(verdict)), source, there})});
    if (verdict == saga::verdict::wait)
        look_there(s, all);
    if (verdict == saga::verdict::abort) return begin_undo("copy_lost", std::move(all));
    if (verdict != saga::verdict::release) return all;
    all.push_back({fact(step_done{s.step, direction::forward, side::source})});
    return all;
}

decision kept(const state& s, const hear_result& r) {
    const auto& how = r.how;
    std::vector<said> all;
    if (how.ended == outcome::ok) {
        all.push_back({fact(vm_kept{})});
        if (const auto next = undo_from(s, s.step)) open_step(s, *next, direction::undo, 1, all);
        else all.push_back({end(s, false)});
    } else if (how.reason == "already_released") {
        all.push_back({fact(pivot_found{})});
        open_step(s, saga::pivot_step + 1, direction::forward, 1, all);
    } else if (r.key.attempt == s.source.attempt) {
        all.push_back({fact(step_failed{s.step, direction::undo, side::source, s.source.attempt, how})});
    }
    return all;
}

// The peer's looks are heard whichever of them is answered: feeds may be slower than our patience.
bool sighting(const state& s, const hear_result& r) {
    return s.investigating && r.key.what == op::observe && r.key.step == s.step &&
           (r.at == side::destination || r.key.attempt == s.source.attempt);
}

decision hear(const state& s, const hear_result& r, instant now) {
    if (s.now != phase::forward && s.now != phase::undoing) return nothing();
    if (r.key.step != s.step || r.key.way != way_of(s)) return nothing();  // of an earlier step: late
    if (r.key.what == op::observe) return sighting(s, r) ? look(s, r, now) : nothing();
    if (r.key.what == op::keep_vm) return s.now == phase::undoing && !s.kept ? kept(s, r) : nothing();
    const auto& part = r.at == side::source ? s.source : s.destination;
    if (!part.needed || part.done || r.key.attempt != part.attempt || s.investigating) return nothing();
    if (s.now == phase::undoing && !s.kept) return nothing();
    return r.how.ended == outcome::ok ? finished(s, r.at, r) : failed(s, r.at, r.how, now);
}

decision give_up(const state& s, const abort& c) {
    if (s.now == phase::absent) return refuse("no_such_migration");
    if (over(s)) return refuse("already_ended", "the migration has ended");
    if (s.now == phase::undoing) return nothing();
    if (s.step >= saga::pivot_step)
        return refuse("too_late", "the run-right is being handed over: the move can only go forward");
    std::vector<said> all;
    all.push_back({fact(abort_requested{c.by})});
    return begin_undo("aborted", std::move(all));
}

decision ask_again(const state& s, const retry& c, instant now) {
    if (over(s) || c.key.step != s.step || c.key.way != way_of(s)) return nothing();
    if (c.key.attempt != s.destination.attempt) return nothing();
    if (s.investigating) {  // no word from there so far: does what is seen here do without it?
        if (c.key.what != op::observe || !s.seen.destination.empty()) return nothing();
        if (!s.seen.source.empty())
            return look(s, {side::destination, c.key, {outcome::transient, "unseen"}, {}}, now);
        std::vector<said> again;
        look_there(s, again);
        return again;
    }
    if (!s.destination.needed || s.destination.asked || s.destination.done) return nothing();
    std::vector<said> all;
    open_step(s, s.step, way_of(s), s.destination.attempt, all);
    return all;
}

decision begin_first(const state& s) {
    if (s.now != phase::forward || s.step != 0 || s.destination.asked || s.destination.done) return nothing();
    std::vector<said> all;
    open_step(s, 0, direction::forward, s.destination.attempt, all);
    return all;
}

decision timed_out(const state& s, const step_timeout& c, instant now) {
    hear_result r;
    r.at = c.at;
    r.key = c.key;
    r.how = {outcome::transient, "timed_out"};
    if (s.investigating) {  // what could not be seen until now will not be
        r.at = side::destination;
        r.key.what = op::observe;
    }
    return hear(s, r, now);
}

decision copied(const state& s, instant now) {
    if (s.now != phase::forward || s.step != copy_step || s.source.done) return nothing();
    hear_result r;
    r.key = {s.what.id, s.step, direction::forward, s.source.attempt, op::start_copy};
    return hear(s, r, now);
}

}  // namespace

decision decide(const state& s, const command& c, const context& now) {
    if (!now.from.empty() && now.from != s.what.to) return refuse("not_its_migration", "said by " + now.from.text);
    if (s.now == phase::absent && !std::holds_alternative<abort>(c)) return nothing();
    return std::visit(overloaded{
        [&](const begin&) { return begin_first(s); },
        [&](const hear_result& x) { return hear(s, x, now.now); },
        [&](const copy_ready&) { return copied(s, now.now); },
        [&](const note_copied&) { return nothing(); },
        [&](const retry& x) { return ask_again(s, x, now.now); },
        [&](const step_timeout& x) { return timed_out(s, x, now.now); },
        [&](const abort& x) { return give_up(s, x); },
    }, c);
}

void note(state& s, const command& c) {
    if (const auto* figures = std::get_if<note_copied>(&c)) s.seen.copied = *figures;
    const auto* r = std::get_if<hear_result>(&c);
    if (r && sighting(s, *r))
        (r->at == side::source ? s.seen.source : s.seen.destination) =
            r->how.ended == outcome::ok ? r->how.reason : "unseen";
}

}  // namespace caravan::migration
