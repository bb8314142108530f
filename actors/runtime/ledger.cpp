#include "actors/runtime/ledger.hpp"

#include <algorithm>

#include "events/chain.hpp"

namespace caravan::runtime {

ledger::ledger(loops& home, port::journal& journal, const port::clock& clock, cloud_name own,
               std::function<std::string(std::size_t)> random)
    : home_(home), journal_(journal), clock_(clock), own_(std::move(own)), random_(std::move(random)) {
    if (auto last = journal_.last()) head_ = *last;
    else failed_ = true;
}

ledger::~ledger() { stop(); }

void ledger::stop() {
    if (!loop_ || std::exchange(stopped_, true)) return;
    loop_->stop();
    work();  // what had queued
}

void ledger::observe(std::function<void(std::span<const committed>)> watcher) {
    watchers_.push_back(std::move(watcher));
}

void ledger::start() {
    loop_ = home_.start("ledger", [this] { return work(); });
}

void ledger::append(write w) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        wake = queue_.empty();
        queue_.push_back(std::move(w));
    }
    if (wake && loop_) loop_->wake();
}

position ledger::head() const {
    const std::lock_guard lock(mutex_);
    return head_.at;
}

bool ledger::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

std::optional<duration> ledger::work() {
    std::deque<write> batch;
    {
        const std::lock_guard lock(mutex_);
        batch.swap(queue_);
    }
    if (!batch.empty()) commit(batch);
    return std::nullopt;
}

result<void> ledger::try_commit(std::span<write*> batch, std::vector<committed>& made,
                                std::vector<port::entry>& entries) {
    port::head head = head_;
    // Never backwards in one journal, also if the clock was set back: evolve trusts the order.
    const instant now = std::max(clock_.now(), last_time_);
    for (auto* w : batch) {
        version last = w->last;
        for (const auto& s : *w->facts) {
            event e;
            e.at = head.at = head.at.next();
            e.stream = s.stream.empty() ? w->stream : s.stream;
            e.v = s.stream.empty() ? last = last.next() : version(1);
            e.source = own_;
            e.time = now;
            e.causation = w->causation;
            e.saga = w->saga;
            e.traceparent = w->traceparent;
            e.audience = s.audience;
            e.what = s.what;
            auto bytes = encode(e);
            port::entry entry{e.at, e.stream, e.v, std::string(type_of(e.what).name), std::move(bytes.shared),
                              std::move(bytes.inside), {}, {}};
            if (!entry.inside.empty()) entry.salt = random_(chain::salt_size);
            entry.link = head.link = chain::next_link(head.link, entry.bytes, entry.salt, entry.inside);
            made.push_back({std::move(e), std::make_shared<const std::string>(entry.bytes)});
            entries.push_back(std::move(entry));
        }
    }
    auto done = journal_.append(entries);
    if (done) {
        const std::lock_guard lock(mutex_);
        head_ = head;
        last_time_ = now;
    }
    return done;
}

void ledger::tell(std::span<write*> batch, const result<void>& how, std::span<const committed> made) {
    std::size_t at = 0;
    if (how)
        for (const auto& watcher : watchers_) watcher(made);
    for (auto* w : batch) {
        if (!how) w->done(tl::unexpected(how.error()));
        else w->done(std::pair(made[at].what.at, made[at].what.time));
        at += w->facts->size();
    }
}

void ledger::commit(std::deque<write>& batch) {
    std::vector<write*> all;
    for (auto& w : batch) all.push_back(&w);
    std::vector<committed> made;
    std::vector<port::entry> entries;
    auto how = try_commit(all, made, entries);
    if (!how && how.error().reason == "stale_version" && all.size() > 1) {
        // One of them was written before: find it by writing each on its own.
        for (auto* w : all) {
            made.clear();
            entries.clear();
            write* one[] = {w};
            how = try_commit(one, made, entries);
            tell(one, how, made);
        }
        return;
    }
    if (!how && how.error().kind == certainty::permanent && how.error().reason != "stale_version") {
        const std::lock_guard lock(mutex_);
        failed_ = true;
    }
    tell(all, how, made);
}

}  // namespace caravan::runtime
