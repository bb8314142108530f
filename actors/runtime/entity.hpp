// entity: the one loop of every aggregate. Command → decide → append → (durable) evolve → effects →
// reply. While an append is under way nothing else is decided: what arrives waits, in order. An entity
// that is killed is replayed from the journal by the shell and goes on with what its state waits for.
#pragma once

#include <deque>

#include "actors/runtime/shell.hpp"

namespace caravan::runtime {

// Kind: struct { using state, command, fact; static bool finished(const state&); }
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
        replay();
        settle();
        return {
            [this](command_mail& mail) {
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

    // Whether an earlier life of this entity had a write under way that its replay did not meet.
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
        while (!appending_ && !waiting_.empty()) {
            current_ = std::move(waiting_.front());
            waiting_.pop_front();
            decide_one();
        }
        if (!appending_ && waiting_.empty() && Kind::finished(state_)) go_home();
    }

    void decide_one() {
        const auto* mine = std::get_if<typename Kind::command>(&current_.what);
        if (!mine) {
            current_.answer({{}, refusal{"not_for_me", stream_.text}, {}});
            return;
        }
        auto decided = decide(state_, *mine, caravan::context{home_.clock.now(), home_.own, current_.from});
        if constexpr (requires { note(state_, *mine); }) note(state_, *mine);
        if (!decided) {
            current_.answer({{}, decided.error(), {}});
            return;
        }
        // Copied: a decision that must be taken again has them again.
        decided->insert(decided->end(), current_.companions.begin(), current_.companions.end());
        if (decided->empty()) {
            current_.answer({last_, {}, {}});
            return;
        }
        deciding_ = std::make_shared<const std::vector<said>>(std::move(*decided));
        append();
    }

    void append() {
        appending_ = true;
        write w;
        w.stream = stream_;
        w.last = version_;
        w.facts = deciding_;
        w.causation = current_.causation;
        w.traceparent = current_.traceparent;
        w.saga = Kind::saga_of(stream_, state_);
        w.done = [self = caf::actor_cast<caf::actor>(this)](const result<std::pair<position, instant>>& how) {
            caf::anon_send(self, commit_mail{how});
        };
        home_.ledger.append(std::move(w));
    }

    void finish(const result<std::pair<position, instant>>& how) {
        appending_ = false;
        if (!how) {
            deciding_.reset();
            if (how.error().reason == "stale_version" && caught_up()) return waiting_.push_front(std::move(current_));
            current_.answer({{}, {}, how.error()});
            return;
        }
        std::vector<stream_id> born;
        for (const auto& s : *deciding_) {
            if (!s.stream.empty()) {
                born.push_back(s.stream);
                continue;
            }
            apply(s.what, how->second);
            version_ = version_.next();
        }
        last_ = how->first;
        deciding_.reset();
        current_.answer({how->first, {}, {}});
        current_ = {};
        for (const auto& stream : born)
            if (!stream.text.starts_with("submission/")) home_.revive(stream);
        settle();
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
    command_mail current_;
    std::shared_ptr<const std::vector<said>> deciding_;
    bool appending_ = false;
    std::optional<errand> running_;
    caf::actor performing_;
};

}  // namespace caravan::runtime
