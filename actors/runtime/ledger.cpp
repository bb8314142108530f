#include "actors/runtime/ledger.hpp"

#include <algorithm>

#include "events/chain.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {
constexpr duration held_at_most = std::chrono::milliseconds(1);
constexpr int postponed_max = 4;
}  // namespace

ledger::ledger(loops& home, port::journal& journal, const port::clock& clock, cloud_name own,
               std::function<std::string(std::size_t)> random)
    : home_(home), journal_(journal), clock_(clock), own_(std::move(own)), random_(std::move(random)) {
    if (auto last = journal_.last()) head_ = *last;
    else failed_ = last.error();
}

ledger::~ledger() { stop(); }

void ledger::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (!loop_ || std::exchange(stopped_, true)) return;
    }
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
        under_way_.insert(w.stream);
        queue_.push_back(std::move(w));
    }
    if (wake && loop_) loop_->wake();
}

bool ledger::has_under_way(const stream_id& stream) const {
    const std::lock_guard lock(mutex_);
    return under_way_.contains(stream);
}

std::shared_ptr<void> ledger::hold() {
    return {nullptr, [this](void*) {
                if (loop_) loop_->wake();
            }};
}

position ledger::head() const {
    const std::lock_guard lock(mutex_);
    return head_.at;
}

std::optional<failure> ledger::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

bool ledger::give_up(failure why) {
    const std::lock_guard lock(mutex_);
    if (failed_) return false;
    failed_ = std::move(why);
    return true;
}

std::optional<duration> ledger::work() {
    std::deque<write> batch;
    {
        const std::lock_guard lock(mutex_);
        const auto held = [](const write& w) { return !w.hold.expired(); };
        if (!stopped_ && postponed_ < postponed_max && std::any_of(queue_.begin(), queue_.end(), held)) {
            ++postponed_;
            return held_at_most;
        }
        postponed_ = 0;
        batch.swap(queue_);
    }
    if (!batch.empty()) commit(batch);
    return std::nullopt;
}

// Its events, behind `head`, as they will stand in the journal.
void ledger::make(const write& w, instant now, port::head& head, std::vector<committed>& made,
                  std::vector<port::entry>& entries) const {
    version last = w.last;
    if (w.first) *w.first = head.at.next();
    for (const auto& d : *w.all) {
        const position because = d.because.known();
        for (const auto& s : d.facts) {
            event e;
            e.at = head.at = head.at.next();
            e.stream = s.stream.empty() ? w.stream : s.stream;
            e.v = s.stream.empty() ? last = last.next() : version(1);
            e.source = own_;
            e.time = now;
            e.causation = because;
            e.saga = d.saga;
            e.traceparent = d.traceparent;
            e.audience = s.audience;
            e.what = s.what;
            auto bytes = encode(e);
            port::entry entry{e.at, e.stream, e.v, std::string(type_of(e.what).name), std::move(bytes.shared),
                              std::move(bytes.inside), {}, {}};
            if (!entry.inside.empty()) entry.salt = random_(chain::salt_size);
            entry.link = head.link = chain::next_link(head.link, entry.bytes, entry.salt,
                                                      planted(bug::chain_without_insides) ? std::string() : entry.inside);
            made.push_back({std::move(e), nullptr});
            entries.push_back(std::move(entry));
        }
    }
}

result<void> ledger::try_commit(std::span<write*> batch, std::vector<committed>& made) {
    port::head head = head_;
    // Never backwards in one journal, also if the clock was set back: evolve trusts the order.
    const instant now = std::max(clock_.now(), last_time_);
    std::vector<port::entry> entries;
    for (const auto* w : batch) make(*w, now, head, made, entries);
    if (entries.empty()) return {};
    if (auto gone = failed()) return tl::unexpected(std::move(*gone));
    auto done = journal_.append(entries);
    if (!done) return done;
    for (std::size_t i = 0; i < made.size(); ++i)
        made[i].bytes = std::make_shared<const std::string>(std::move(entries[i].bytes));
    const std::lock_guard lock(mutex_);
    head_ = head;
    last_time_ = now;
    return done;
}

void ledger::tell(std::span<write*> batch, const result<void>& how, std::span<const committed> made) {
    std::size_t at = 0;
    if (how)
        for (const auto& watcher : watchers_) watcher(made);
    {
        const std::lock_guard lock(mutex_);
        for (const auto* w : batch) under_way_.erase(under_way_.find(w->stream));
    }
    for (auto* w : batch) {
        if (!how && w->first) *w->first = {};
        if (!how) w->done(tl::unexpected(how.error()));
        else if (w->all->empty()) w->done(std::pair(head_.at, last_time_));
        else w->done(std::pair(made[at].what.at, made[at].what.time));
        for (const auto& d : *w->all) at += d.facts.size();
    }
}

void ledger::commit(std::deque<write>& batch) {
    std::vector<write*> all;
    for (auto& w : batch) all.push_back(&w);
    std::vector<committed> made;
    auto how = try_commit(all, made);
    if (!how && how.error().reason == "stale_version" && all.size() > 1) {
        // One of them was written before: find it by writing each on its own.
        for (auto* w : all) {
            made.clear();
            write* one[] = {w};
            how = try_commit(one, made);
            tell(one, how, made);
        }
        return;
    }
    if (!how && how.error().kind == certainty::permanent && how.error().reason != "stale_version") give_up(how.error());
    tell(all, how, made);
}

}  // namespace caravan::runtime
