#include "adapters/sim/feed.hpp"

#include <algorithm>

#include "events/chain.hpp"

namespace caravan::sim {

struct delivery {
    port::feed_record record;
    instant due{};
};

struct feed_line::contents {
    std::mt19937_64 random;
    feed_timing timing;
    feed_line* line = nullptr;
    std::vector<port::feed_record> published;
    std::vector<delivery> delivered;  // what the reader's end holds, duplicates and all
    std::function<void()> wake;

    double chance() { return static_cast<double>(random() >> 11) * 0x1.0p-53; }
    void deliver(const port::feed_record& record, const std::shared_ptr<contents>& self) {
        const auto& faults = line->faults;
        const auto spread = static_cast<std::uint64_t>(faults.delay_spread.count());
        duration wait = faults.delay + duration(spread ? random() % spread : 0);
        const instant now = timing.now();
        if (!delivered.empty()) wait = std::max(wait, delivered.back().due - now);
        delivered.push_back({record, now + wait});
        if (chance() < faults.duplicate) delivered.push_back({record, now + wait});
        timing.after(wait, [weak = std::weak_ptr(self)] {
            if (const auto alive = weak.lock(); alive && alive->wake) alive->wake();
        });
    }
};

namespace {

chain::feed_point point(const port::feed_record& r) {
    return {r.at.value, r.incarnation, r.link};
}

class line_writer final : public port::feed_writer {
  public:
    explicit line_writer(std::shared_ptr<feed_line::contents> on) : on_(std::move(on)) {}

    result<void> publish(std::span<const port::feed_record> records) override {
        if (on_->line->faults.outage) return transient("feed_unreachable", "simulated");
        std::vector<port::feed_record> fresh;
        for (const auto& r : records) {
            const auto known =
                std::lower_bound(on_->published.begin(), on_->published.end(), r.at,
                                 [](const auto& p, sequence at) { return p.at < at; });
            if (known != on_->published.end() && *known == r) continue;
            if (known != on_->published.end())
                return permanent("feed_fork", "published before, with other bytes");
            const port::feed_record none;
            const auto& before = !fresh.empty()           ? fresh.back()
                                 : on_->published.empty() ? none
                                                          : on_->published.back();
            if (r.incarnation.size() != 26 || r.bytes.find('\n') != std::string::npos)
                return permanent("malformed_record", std::to_string(r.at.value));
            if (auto right = chain::follows(point(before), point(r), r.bytes); !right) return right;
            fresh.push_back(r);
        }
        for (const auto& r : fresh) {
            on_->published.push_back(r);
            on_->deliver(r, on_);
        }
        return {};
    }
    result<port::feed_record> last() override {
        if (on_->line->faults.outage) return transient("feed_unreachable", "simulated");
        return on_->published.empty() ? port::feed_record{} : on_->published.back();
    }

  private:
    const std::shared_ptr<feed_line::contents> on_;
};

class line_reader final : public port::feed_reader {
  public:
    explicit line_reader(std::shared_ptr<feed_line::contents> on) : on_(std::move(on)) {}
    ~line_reader() override { on_->wake = nullptr; }

    result<std::vector<port::feed_record>> read(const port::feed_record& seen,
                                                std::size_t limit) override {
        if (on_->line->faults.outage) return transient("feed_unreachable", "simulated");
        if (auto right = find(seen); !right) return tl::unexpected(right.error());
        std::vector<port::feed_record> out;
        const port::feed_record* before = &seen;
        for (auto d = at_or_after(seen.at); d != on_->delivered.end(); ++d) {
            const auto& [record, due] = *d;
            if (out.size() >= limit || due > on_->timing.now()) break;
            if (record.at <= seen.at || record == *before) continue;  // seen, or delivered twice
            auto right = chain::follows(point(*before), point(record), record.bytes);
            if (!right && out.empty()) return tl::unexpected(right.error());
            if (!right) break;
            out.push_back(record);
            before = &record;
        }
        return out;
    }
    void on_news(std::function<void()> wake) override {
        on_->wake = std::move(wake);
        if (on_->wake && !on_->delivered.empty()) on_->wake();
    }

  private:
    std::vector<delivery>::const_iterator at_or_after(sequence at) const {
        return std::lower_bound(
            on_->delivered.begin(), on_->delivered.end(), at,
            [](const auto& d, sequence wanted) { return d.record.at < wanted; });
    }
    // What was seen must still be there, and be the same.
    result<void> find(const port::feed_record& seen) const {
        if (!seen.at.value) return {};
        const auto found = at_or_after(seen.at);
        if (found == on_->delivered.end())
            return permanent("feed_rewound", "it ends before what was seen");
        if (found->record.incarnation != seen.incarnation)
            return permanent("feed_rewound", "another incarnation");
        if (found->record.at != seen.at) return permanent("feed_gap", "what was seen is gone");
        if (found->record.link != seen.link) return permanent("feed_fork", "another history");
        return {};
    }

    const std::shared_ptr<feed_line::contents> on_;
};

}  // namespace

feed_line::feed_line(std::uint64_t seed, feed_timing timing)
    : contents_(std::make_shared<contents>()) {
    contents_->random.seed(seed);
    contents_->timing = std::move(timing);
    contents_->line = this;
}
feed_line::~feed_line() = default;

std::unique_ptr<port::feed_writer> feed_line::writer() {
    return std::make_unique<line_writer>(contents_);
}
std::unique_ptr<port::feed_reader> feed_line::reader() {
    return std::make_unique<line_reader>(contents_);
}

port::feed_record feed_line::last() const {
    return contents_->published.empty() ? port::feed_record{} : contents_->published.back();
}
void feed_line::lose(sequence at) {
    std::erase_if(contents_->delivered, [&](const auto& d) { return d.record.at == at; });
}
void feed_line::fork(sequence at, std::string bytes) {
    port::feed_record before;
    for (auto& [record, due] : contents_->delivered) {
        if (record.at == at) record.bytes = bytes;
        if (record.at >= at)
            record.link = record.at == before.at ? before.link
                                                 : chain::next_feed_link(before.link, record.bytes);
        before = record;
    }
}
void feed_line::rewind(sequence upto) {
    std::erase_if(contents_->delivered, [&](const auto& d) { return d.record.at > upto; });
    std::erase_if(contents_->published, [&](const auto& r) { return r.at > upto; });
}
void feed_line::remake(const std::string& incarnation) {
    for (auto& d : contents_->delivered) d.record.incarnation = incarnation;
    for (auto& r : contents_->published) r.incarnation = incarnation;
}

}  // namespace caravan::sim
