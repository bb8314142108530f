#include "actors/visit/state.hpp"
#include "events/planted.hpp"

namespace caravan::visit {

namespace {

said answer(const state& s, const asking& key, step_result how, signed_ticket ticket = {}) {
    if (planted(bug::inside_in_an_answer)) how.reason += s.host.text;
    return {fact(answered{key, std::move(how), std::move(ticket)}), s.request.from};
}

decision at_once(const state& s, const ask& c, step_result how, signed_ticket ticket = {}) {
    std::vector<said> all;
    all.push_back({fact(asked{c.key, c.about})});
    all.push_back(answer(s, c.key, std::move(how), std::move(ticket)));
    return all;
}

// A peer may ask what the table has for this side, and nothing else; it may look at any step.
bool in_table(const asking& key) {
    if (key.step >= std::size(saga::move_vm)) return false;
    if (key.what == op::observe) return key.way == direction::forward;
    return saga::touches(key.step, side::destination) && key.what != op::none &&
           key.what == saga::op_of(key.step, key.way);
}

decision hear_ask(const state& s, const ask& c, const context& now) {
    if (rank_of(c.key) <= s.rank) return nothing();
    const bool undo = c.key.way == direction::undo;
    const bool after_pivot = !undo && c.key.step > saga::pivot_step;
    if (s.now != phase::absent && !in_table(c.key))
        return at_once(s, c, {outcome::permanent, "not_in_the_saga"});
    switch (s.now) {
        case phase::absent:
            if (c.key.what != op::reserve || c.about.empty()) return nothing();
            if (c.about.front().to != now.own) return nothing();  // not for us: a peer that errs
            break;
        case phase::freed:
        case phase::freeing:
            return at_once(s, c, undo ? step_result{} : step_result{outcome::permanent, "visit_over"});
        case phase::settled:
        case phase::owed:
        case phase::owning:
            if (!after_pivot && c.key.what != op::observe)  // nothing before the pivot is done again or undone
                return at_once(s, c, {outcome::permanent, "already_released"});
            if (s.now == phase::settled) return at_once(s, c, {});
            if (c.key.what == op::resume_vm && s.now == phase::owning) return at_once(s, c, {});
            break;
        case phase::admitting:
            if (c.key.what != op::reserve && c.key.what != op::observe && !undo)
                return at_once(s, c, {outcome::permanent, "not_admitted"});
            break;
        case phase::admitted:
            if (after_pivot && !planted(bug::acquire_before_release))
                return at_once(s, c, {outcome::transient, "release_not_heard"});
            if (c.key.what == op::reserve) return at_once(s, c, {}, s.ticket);  // as answered before
            break;
    }
    return facts(fact(asked{c.key, c.about}));
}

// What was done unasked: the takeover after the release, the look and the clearing after silence.
decision hear_own(const state& s, const hear_result& c) {
    std::vector<said> all;
    if (!(c.key == own_key(s, c.key.what))) return all;
    if (c.key.what == op::resume_vm && s.acquiring && s.now == phase::owed) {
        if (c.how.ended != outcome::ok) return facts(fact(awaiting_word{c.how.reason}));
        all.push_back({fact(acquired{})});
        const asking first{s.request.id, saga::pivot_step + 1, direction::forward, 1, op::resume_vm};
        if (s.current && s.current->what == op::resume_vm) all.push_back(answer(s, *s.current, {}));
        else if (s.rank < rank_of(first)) all.push_back(answer(s, first, {}));
    } else if (c.key.what == op::observe && s.silent && s.now == phase::admitted) {
        if (s.whole) return nothing();  // kept until its release or its end is heard
        if (c.how.reason == "whole") return facts(fact(awaiting_word{"whole"}));
        if (c.how.ended != outcome::ok) return facts(fact(awaiting_word{"unseen"}));
        return facts(fact(freeing{"deadline_passed"}));
    } else if (c.key.what == clearing(s) && s.now == phase::freeing) {
        return c.how.ended == outcome::ok ? facts(fact(freed{s.reason})) : facts(fact(freeing{s.reason}));
    }
    return all;
}

decision hear_done(const state& s, const hear_result& c) {
    if (!s.current || !(*s.current == c.key)) return hear_own(s, c);
    std::vector<said> all;
    const bool ok = c.how.ended == outcome::ok;
    if (c.key.what == op::reserve && ok) all.push_back({fact(admitted{s.request, c.ticket, c.host})});
    if (c.key.what == op::resume_vm && ok) all.push_back({fact(acquired{})});
    all.push_back(answer(s, c.key, c.how, c.ticket));
    if (planted(bug::freed_while_it_flows) && c.key.what == op::open_channel) all.push_back({fact(freed{"early"})});
    if (c.key.what == op::release && ok) all.push_back({fact(freed{"undone"})});
    if (c.key.what == op::reserve && c.how.ended == outcome::permanent) {
        // An earlier attempt may have kept room and was not heard of: that is cleared up after.
        if (c.key.attempt > 1) all.push_back({fact(freeing{c.how.reason})});
        else all.push_back({fact(freed{c.how.reason})});
    }
    if (c.key.what == op::retire_copy && ok) all.push_back({fact(settled{})});
    return all;
}

// Whose migration it is. An id is no secret between clouds: a third one may know it.
cloud_name source_of(const state& s, const command& c) {
    if (s.now != phase::absent) return s.request.from;
    const auto* first = std::get_if<ask>(&c);
    return first && !first->about.empty() ? first->about.front().from : cloud_name();
}

decision released(const state& s, const hear_release& c) {
    if (s.now != phase::admitted) return nothing();  // heard before, or never admitted
    if (c.run_right != s.request.run_right)
        return refuse("stale_epoch", "the release is of epoch " + std::to_string(c.run_right.value));
    return facts(fact(release_heard{c.run_right, c.fast}));
}

// Whatever was known of our right to run it is void.
decision taken_back(const state& s, const hear_reclaim& c) {
    const bool holding = s.now == phase::admitting || s.now == phase::admitted || s.now == phase::owed || s.now == phase::owning;
    if (!holding) return nothing();
    if (c.run_right <= s.request.run_right)
        return refuse("stale_epoch", "the reclaim is of epoch " + std::to_string(c.run_right.value));
    return facts(fact(reclaim_heard{c.run_right}));
}

}  // namespace

std::optional<care::wanted> need_of(const state& s) {
    using enum care::need;
    const bool often = s.tries > care::of_steps.limit;
    const auto observed = "from " + s.request.from.text + ", " + std::to_string(s.tries - 1) + " tries";
    const auto next = "caravan migrations " + s.request.id.text;
    if (s.now == phase::owed && often) return care::wanted{copy_not_resumed, observed + ", at last: " + s.why, next};
    if (s.now == phase::freeing && often) return care::wanted{visit_not_cleared, observed + ", since " + s.reason, next};
    if (s.now == phase::admitted && s.silent && (s.whole || often))
        return care::wanted{awaiting_word, s.whole ? "the copy is whole, and paused" : "the copy cannot be seen: " + s.why,
                            "caravan clouds " + s.request.from.text};
    return std::nullopt;
}

decision decide(const state& s, const command& c, const context& now) {
    if (!now.from.empty() && now.from != source_of(s, c)) return refuse("not_its_migration", "said by " + now.from.text);
    return care::with_care<fact>(s, std::visit(overloaded{
        [&](const ask& x) { return hear_ask(s, x, now); },
        [&](const hear_result& x) { return hear_done(s, x); },
        [&](const hear_release& x) { return released(s, x); },
        [&](const hear_reclaim& x) { return taken_back(s, x); },
        [&](const deadline_passed&) -> decision {
            const bool idle = s.now == phase::admitting || s.now == phase::admitted;
            if (!idle || s.silent || now.now < s.deadline) return nothing();
            if (s.now == phase::admitting) return facts(fact(freeing{"deadline_passed"}));
            return facts(fact(awaiting_word{"deadline_passed"}));
        },
    }, c), now.now);
}

}  // namespace caravan::visit
