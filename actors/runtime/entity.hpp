// entity: the one loop of every aggregate. Command → decide → append → (durable) evolve → effects →
// reply. While an append is under way nothing else is decided: what arrives waits, in order, and is then
// decided together, each command on the state that the ones before it will have led to, and written as
// one: all of it or none. An entity that is killed is replayed from the journal by the shell and goes on
// with what its state waits for.
#pragma once

#include <deque>

#include "actors/runtime/shell.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

// Kind: struct { using state, command, fact; static bool finished(const state&); }, and foretells = true
// if the shell's foreteller is to hear of its facts.
template <class Kind>
class entity : public caf::event_based_actor {
  public:
    using state_type = typename Kind::state;

    entity(caf::actor_config& config, shell& home, stream_id stream)
        : caf::event_based_actor(config), home_(home), stream_(std::move(stream)) {}

    caf::behavior make_behavior() override {
        set_exception_handler([](std::exception_ptr&) -> caf::error { return caf::exit_reason::unhandled_exception; });
        set_down_handler([this](caf::down_msg& down) {
            if (down.source != performing_ || down.reason == caf::exit_reason::user_shutdown) return;
            running_.reset();  // whoever performed it died: it is performed again
            performing_ = nullptr;
            home_.ring_at(stream_, home_.clock.now() + std::chrono::milliseconds(100));
        });
        if (home_.ledger.has_under_way(stream_)) {
            wait_for_past();
        } else {
            replay();
            settle();
        }
        return {
            [this](command_mail& mail) {
                const auto hold = std::move(mail.hold);
                waiting_.push_back(std::move(mail));
                work();
            },
            [this](commit_mail& mail) {
                finish(mail.how);
                work();
            },
            [this](ring_mail) {
                ring();
                work();
            },
        };
    }

    const char* name() const override { return "entity"; }
    void on_exit() override { drop_errand(); }

  private:
    static constexpr std::size_t group_max = 256;
    struct under_way {
        command_mail mail;
        std::size_t facts = 0;
        std::optional<refusal> no;
    };

    void replay() {
        auto read = home_.journal.read_stream(stream_, {}, [this](const port::entry& e) {
            const auto known = decode(e.bytes, e.inside);
            if (!known) return false;
            apply(known->what, known->time);
            version_ = e.v;
            last_ = e.at;
            return true;
        });
        if (!read) quit(caf::exit_reason::unhandled_exception);
    }

    // What an earlier life wrote may not have reached the disk yet. Until that is known nothing is decided:
    // a command that looks needless to what is on record may be needed after all.
    void wait_for_past() {
        appending_ = remembering_ = true;
        home_.ledger.append(write_of(std::make_shared<std::vector<decided>>()));
    }

    // Whether more stands in the journal than was known.
    bool caught_up() {
        const auto before = version_;
        state_ = {};
        version_ = {};
        replay();
        settle();
        return version_ != before;
    }

    void apply(const caravan::fact& what, instant at) {
        if (const auto* mine = std::get_if<typename Kind::fact>(&what)) evolve(state_, *mine, at);
    }

    void work() {
        while (!appending_ && !waiting_.empty()) decide_waiting();
        if (!appending_ && waiting_.empty() && Kind::finished(state_)) go_home();
    }

    void decide_waiting() {
        std::optional<state_type> then;  // what the state will be
        std::vector<decided> all;
        const std::size_t most = one_by_one_ ? 1 : group_max;
        if (one_by_one_) --one_by_one_;
        do {
            auto mail = std::move(waiting_.front());
            waiting_.pop_front();
            decide_one(std::move(mail), then, all);
        } while (!waiting_.empty() && group_.size() < most);
        if (!all.empty()) append(std::make_shared<const std::vector<decided>>(std::move(all)));
    }

    void decide_one(command_mail mail, std::optional<state_type>& then, std::vector<decided>& all) {
        const auto* mine = std::get_if<typename Kind::command>(&mail.what);
        if (!mine) return mail.answer({{}, refusal{"not_for_me", stream_.text}, {}});
        if (!group_.empty() && !then) then = foreseen(all);
        auto& s = then ? *then : state_;
        const caravan::context now{home_.clock.now(), home_.own, mail.from};
        auto decision = decide(std::as_const(s), *mine, now);
        const bool silent = !decision || (decision->empty() && mail.companions.empty());
        if (silent && group_.empty()) {  // it rests on what is on record
            leave(s, *mine);
            return mail.answer(decision ? answered{last_, {}, {}} : answered{{}, decision.error(), {}});
        }
        auto& said_so = group_.emplace_back();
        if (silent) {
            if (!decision) said_so.no = std::move(decision.error());
        } else {
            // Copied: a decision that must be taken again has them again. They come first, so that a
            // submission is answered with its own position, now and when it is repeated.
            decision->insert(planted(bug::repetition_answered_otherwise) ? decision->end() : decision->begin(), mail.companions.begin(), mail.companions.end());
            said_so.facts = decision->size();
            all.push_back({std::move(*decision), mail.causation, Kind::saga_of(stream_, s), mail.traceparent});
        }
        if (then) foresee(*then, *mine, silent ? nullptr : &all.back(), now.now);
        said_so.mail = std::move(mail);
    }

    static void leave(state_type& s, const typename Kind::command& what) {
        if constexpr (requires { note(s, what); }) note(s, what);
    }

    // The state as it will be but for the time of the commit, for the next decision.
    static void foresee(state_type& then, const typename Kind::command& what, const decided* facts, instant at) {
        leave(then, what);
        if (!facts) return;
        for (const auto& s : facts->facts)
            if (const auto* mine = std::get_if<typename Kind::fact>(&s.what); mine && s.stream.empty())
                evolve(then, *mine, at);
    }
    state_type foreseen(const std::vector<decided>& all) const {  // after the first of a group
        auto then = state_;
        foresee(then, std::get<typename Kind::command>(group_.front().mail.what), &all.front(), home_.clock.now());
        return then;
    }

    write write_of(std::shared_ptr<const std::vector<decided>> all) {
        return {stream_, version_, std::move(all), {}, {},
                [self = caf::actor_cast<caf::actor>(this)](const result<std::pair<position, instant>>& how) {
                    caf::anon_send(self, commit_mail{how});
                }};
    }

    void append(std::shared_ptr<const std::vector<decided>> all) {
        appending_ = true;
        deciding_ = std::move(all);
        auto w = write_of(deciding_);
        if constexpr (requires { Kind::foretells; }) {
            const auto first = w.first = std::make_shared<position>();
            const auto hold = home_.ledger.hold();
            w.hold = hold;
            home_.ledger.append(std::move(w));
            if (!home_.foretell) return;
            std::uint64_t nth = 0;
            for (const auto& d : *deciding_)
                for (const auto& s : d.facts) home_.foretell({stream_, s, cause(first, nth++), hold});
        } else {
            home_.ledger.append(std::move(w));
        }
    }

    void finish(const result<std::pair<position, instant>>& how) {
        appending_ = false;
        if (std::exchange(remembering_, false)) {
            caught_up();
            return;
        }
        const auto group = std::exchange(group_, {});
        const auto written = std::exchange(deciding_, nullptr);
        if (!how && how.error().reason == "stale_version") return decide_again(std::move(group), how.error());
        if (!how) {  // what was to be written is forgotten, the result of an errand with it: it is performed again
            if (!planted(bug::result_lost_on_full_disk)) {
                drop_errand();
                home_.ring_at(stream_, home_.clock.now() + std::chrono::seconds(1));
            }
            return fail(group, how.error());
        }
        std::vector<stream_id> born;
        position at = how->first;
        auto next = written->begin();
        for (const auto& one : group) {
            leave(state_, std::get<typename Kind::command>(one.mail.what));
            if (one.facts == 0) {
                one.mail.answer(one.no ? answered{{}, one.no, {}} : answered{last_, {}, {}});
                continue;
            }
            for (const auto& s : next->facts) {
                if (!s.stream.empty()) {
                    born.push_back(s.stream);
                    continue;
                }
                apply(s.what, how->second);
                version_ = version_.next();
            }
            last_ = at;
            at = position(at.value + one.facts);
            ++next;
            one.mail.answer({last_, {}, {}});
        }
        for (const auto& stream : born)
            if (!stream.text.starts_with("submission/")) home_.revive(stream);
        settle();
    }

    // Something of it stands in the journal already, written by another (the same submission twice): only one
    // of the group has met it.
    void decide_again(std::vector<under_way> group, const failure& why) {
        const bool alone = group.size() == 1;
        if (!caught_up() && alone) return fail(group, why);
        if (!alone) one_by_one_ = group.size();
        for (auto one = group.rbegin(); one != group.rend(); ++one) waiting_.push_front(std::move(one->mail));
    }

    static void fail(const std::vector<under_way>& group, const failure& why) {
        for (const auto& one : group) one.mail.answer({{}, {}, why});
    }

    // Makes the world agree with what the state waits for.
    void settle() {
        const auto now = home_.clock.now();
        std::optional<instant> next;
        const errand* wanted = nullptr;
        const auto all = pending(state_);
        for (const auto& one : all) {
            if (const auto* t = std::get_if<tell>(&one)) home_.deliver(t->to, t->what);
            if (const auto* e = std::get_if<errand>(&one)) wanted = e;
            if (const auto* w = std::get_if<wake>(&one)) {
                if (w->at <= now) waiting_.push_back(command_mail{w->what, {}, last_, {}, {}});
                else next = std::min(next.value_or(w->at), w->at);
            }
        }
        if (next) home_.ring_at(stream_, *next);
        else home_.ring_never(stream_);
        if (!wanted) drop_errand();
        else if (!running_ || !(running_->key == wanted->key)) take_errand(*wanted);
    }

    void ring() {
        if (!appending_) settle();
    }

    void take_errand(const errand& wanted) {
        drop_errand();
        running_ = wanted;
        if (!home_.perform) return;
        performing_ = home_.perform(home_, stream_, wanted);
        monitor(performing_);
    }

    void drop_errand() {
        running_.reset();
        if (!performing_) return;
        demonitor(performing_);
        caf::anon_send_exit(performing_, caf::exit_reason::user_shutdown);
        performing_ = nullptr;
    }

    void go_home() {
        if (!home_.put_away(stream_, caf::actor_cast<caf::actor>(this), [this] { return mailbox().empty(); })) return;
        home_.ring_never(stream_);
        quit();
    }

    shell& home_;
    const stream_id stream_;
    state_type state_;
    version version_;
    position last_;
    std::deque<command_mail> waiting_;
    std::vector<under_way> group_;  // answered when it is written
    std::shared_ptr<const std::vector<decided>> deciding_;
    std::size_t one_by_one_ = 0;  // so many are decided alone
    bool appending_ = false, remembering_ = false;
    std::optional<errand> running_;
    caf::actor performing_;
};

}  // namespace caravan::runtime
