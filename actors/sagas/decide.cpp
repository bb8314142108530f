// The interpreter of move_vm's table: one command in, facts out. Everything about order, tries and
// undoing is read off the table; only the copy's unknown outcome and the pivot have words of their own.
#include "actors/sagas/resolver.hpp"
#include "actors/sagas/state.hpp"
#include "events/planted.hpp"

namespace caravan::migration {

namespace {

using saga::kind;
using saga::move_vm;
using saga::where;

constexpr std::uint32_t copy_step = saga::index_of(op::start_copy);
constexpr std::uint32_t acquire_step = saga::index_of(op::resume_vm);

said to_peer(const state& s, fact what) { return {std::move(what), s.what.to}; }

// What opens a step: the asking of the destination goes on record; the source's errand follows from
// the state (pending).
void open_step(const state& s, std::uint32_t step, direction way, std::uint32_t attempt,
               std::vector<said>& to) {
    if (!touches(step, side::destination) || s.reclaimed) return;
    asked a{{s.what.id, step, way, attempt, op_of(step, way), s.round}, {}};
    if (a.key.what == op::reserve) {
        a.about.push_back(s.what);
        a.about.back().host = {};  // where it runs here is nobody's business
    }
    to.push_back(to_peer(s, fact(std::move(a))));
}

void look_there(const state& s, std::vector<said>& to) {
    asked a{{s.what.id, s.step, direction::forward, s.destination.attempt + 1, op::observe, s.round}, {}};
    to.push_back(to_peer(s, fact(std::move(a))));
}

fact end(const state& s, bool done) {
    const auto& c = s.seen.copied;
    // Until the guest has been handed over, its downtime is what libvirt expects.
    return ended{done, s.refused, s.reason, done ? c.downtime : duration{}, c.disk, c.memory};
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
        else open_step(s, s.step + 1 + (s.step == copy_step && planted(bug::acquire_before_release)), way, 1, all);
    } else if (const auto next = s.step == 0 ? std::nullopt : undo_from(s, s.step - 1)) {
        open_step(s, *next, way, 1, all);
    } else {
        all.push_back({end(s, false)});
    }
    return all;
}

bool may_try_again(const state& s, const side_progress& part, const step_result& how, instant now) {
    if (endless(s)) return true;
    const auto& step = move_vm[s.step];
    if (how.ended == outcome::permanent || now >= s.what.deadline) return false;
    if (step.kind == kind::pivot) return true;  // its op looks before it acts; only the deadline ends it
    return (step.again_from == op::none ? part.attempt : s.round + 1) < step.tries;
}

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
        const auto again_from = endless(s) ? op::none : move_vm[s.step].again_from;
        if (again_from != op::none) all.push_back({fact(went_back{saga::index_of(again_from)})});
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
    if (r.key.step != s.step || r.key.way != way_of(s) || r.key.round != s.round) return nothing();  // late
    if (r.key.what == op::observe) return sighting(s, r) ? look(s, r, now) : nothing();
    if (r.key.what == op::keep_vm || r.key.what == op::take_back) return s.now == phase::undoing && !s.kept ? kept(s, r) : nothing();
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
        if (!planted(bug::abort_after_pivot))
            return refuse("too_late", "the run-right is being handed over: the move can only go forward");
    std::vector<said> all;
    all.push_back({fact(abort_requested{c.by})});
    return begin_undo("aborted", std::move(all));
}

// The one way back after the pivot: a person's word that the destination's copy does not run, and will not.
decision take_back(const state& s, const reclaim& c) {
    if (s.now == phase::absent) return refuse("no_such_migration");
    if (over(s)) return refuse("already_ended", "the migration has ended");
    if (s.reclaimed) return nothing();
    if (s.now == phase::undoing || s.step <= saga::pivot_step)
        return refuse("not_released", "the run-right is still here: abort the migration instead");
    if (s.step > acquire_step) return refuse("acquired_there", s.what.to.text + " has the run-right: move the VM back from there");
    if (!c.fenced)
        return refuse("not_fenced", "two copies would run if that at " + s.what.to.text +
                                        " comes back: make sure that it cannot, and say so");
    std::vector<said> all;
    all.push_back({fact(reclaimed{c.by, c.why})});
    return begin_undo("reclaimed", std::move(all));
}

decision ask_again(const state& s, const retry& c, instant now) {
    if (over(s) || c.key.step != s.step || c.key.way != way_of(s) || c.key.round != s.round) return nothing();
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
    r.key = {s.what.id, s.step, direction::forward, s.source.attempt, op::start_copy, s.round};
    return hear(s, r, now);
}

}  // namespace

std::optional<care::wanted> need_of(const state& s) {
    if (over(s) || s.now == phase::absent || !endless(s)) return std::nullopt;
    const bool source = s.source.needed && !s.source.done && s.source.attempt > care::of_steps.limit;
    const bool there = s.destination.needed && !s.destination.done && s.destination.attempt > care::of_steps.limit;
    if (!source && !there) return std::nullopt;
    const auto& part = source ? s.source : s.destination;
    using enum care::need;
    const bool acquiring = move_vm[s.step].forward == op::resume_vm;
    return care::wanted{s.now == phase::undoing ? undo_stands_still : acquiring ? run_right_not_acquired : handover_stands_still,
                        (s.now == phase::undoing ? "undo of " : "") + std::string(move_vm[s.step].name) + " at the " +
                            (source ? "source" : "destination") + " failed " + std::to_string(part.attempt - 1) +
                            " times, at last: " + part.why,
                        "caravan migrations " + s.what.id.text};
}

decision decide(const state& s, const command& c, const context& now) {
    if (!now.from.empty() && now.from != s.what.to) return refuse("not_its_migration", "said by " + now.from.text);
    const bool asked_for = std::holds_alternative<abort>(c) || std::holds_alternative<reclaim>(c);
    if (s.now == phase::absent && !asked_for) return nothing();
    return care::with_care<fact>(s, std::visit(overloaded{
        [&](const begin&) { return begin_first(s); },
        [&](const hear_result& x) { return hear(s, x, now.now); },
        [&](const copy_ready&) { return copied(s, now.now); },
        [&](const note_copied&) { return nothing(); },
        [&](const retry& x) { return ask_again(s, x, now.now); },
        [&](const step_timeout& x) { return timed_out(s, x, now.now); },
        [&](const abort& x) { return give_up(s, x); },
        [&](const reclaim& x) { return take_back(s, x); },
    }, c), now.now);
}

void note(state& s, const command& c) {
    if (const auto* figures = std::get_if<note_copied>(&c)) s.seen.copied = *figures;
    const auto* r = std::get_if<hear_result>(&c);
    if (r && sighting(s, *r))
        (r->at == side::source ? s.seen.source : s.seen.destination) =
            r->how.ended == outcome::ok ? r->how.reason : "unseen";
}

}  // namespace caravan::migration
