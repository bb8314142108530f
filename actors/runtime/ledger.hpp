// ledger: the one door to the journal. Takes what aggregates decided, from any thread; gives it
// positions, bytes and chain links; commits whatever has queued as one transaction (group commit), off
// the actors' threads; and only then says so. Nothing is acknowledged, effected or told before.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "actors/ports/clock.hpp"
#include "actors/ports/journal.hpp"
#include "actors/runtime/cause.hpp"
#include "actors/runtime/loop.hpp"
#include "actors/shape.hpp"
#include "events/envelope.hpp"

namespace caravan::runtime {

struct committed {
    event what;
    std::shared_ptr<const std::string> bytes;  // shared half: what may be shown and sent
};

// What one command led to.
struct decided {
    std::vector<said> facts;  // those that name a stream of their own are its first event
    cause because;
    std::string saga, traceparent;
};

// Decisions of one stream on their way into the journal: all of them are written, or none. Writes are
// committed in the order of append(): with what a write led to before it was durable, or before that.
struct write {
    stream_id stream;
    version last;  // of the stream, before this
    std::shared_ptr<const std::vector<decided>> all;  // none: answered when what came before is
    std::shared_ptr<position> first;  // is told the first fact's position for those that it causes; may be null
    std::weak_ptr<void> hold;         // while somebody has it, what follows from this is still being decided
    // The position of the first fact and the time they all bear; or why nothing was written. Called
    // from the ledger's turn.
    std::function<void(const result<std::pair<position, instant>>&)> done;
};

class ledger {
  public:
    // `random`: that many bytes that nobody can guess, for the salts of inside fields.
    ledger(loops&, port::journal&, const port::clock&, cloud_name own, std::function<std::string(std::size_t)> random);
    ~ledger();
    ledger(const ledger&) = delete;

    // Everything committed, in order, once; called from the ledger's turn. Before start() only.
    void observe(std::function<void(std::span<const committed>)> watcher);
    void start();
    void stop();  // commits what has queued; what comes later is never answered
    void append(write);
    // Whether a write of that stream is not answered yet. Once it is: what it wrote can be read.
    bool has_under_way(const stream_id&) const;
    // For a write: it is committed with what follows from it, if that is decided within a moment.
    std::shared_ptr<void> hold();
    position head() const;
    // The journal is gone, and why: everything is refused until a restart.
    std::optional<failure> failed() const;
    bool give_up(failure why);  // false if it has failed already

  private:
    std::optional<duration> work();
    void commit(std::deque<write>& batch);
    void make(const write&, instant now, port::head&, std::vector<committed>& made, std::vector<port::entry>&) const;
    result<void> try_commit(std::span<write*> batch, std::vector<committed>& made);
    void tell(std::span<write*> batch, const result<void>& how, std::span<const committed> made);

    loops& home_;
    port::journal& journal_;
    const port::clock& clock_;
    const cloud_name own_;
    const std::function<std::string(std::size_t)> random_;
    std::vector<std::function<void(std::span<const committed>)>> watchers_;
    mutable std::mutex mutex_;
    std::deque<write> queue_;
    std::unordered_multiset<stream_id> under_way_;  // streams of writes that are not answered
    int postponed_ = 0;  // so often since the last commit
    port::head head_;
    instant last_time_{};
    std::optional<failure> failed_;
    bool stopped_ = false;
    std::unique_ptr<loop> loop_;
};

}  // namespace caravan::runtime
