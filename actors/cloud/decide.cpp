#include "actors/cloud/state.hpp"
#include "events/planted.hpp"

namespace caravan::cloud {

namespace {

// Applied exactly once: what was applied already is passed over, what does not follow stops the feed.
decision take_in(const state& s, const hear& c) {
    if (s.now == phase::stopped) return refuse("feed_stopped", s.reason);
    std::vector<said> all;
    auto last = s.last.at;
    const std::string* incarnation = &s.last.incarnation;
    for (const auto& record : c.records) {
        std::string wrong;
        // Also of a record that looks known: a topic made anew counts from 1 again.
        if (last.value && record.incarnation != *incarnation) wrong = "feed_rewound";
        else if (record.at <= last) continue;
        else if (record.at != last.next() && !planted(bug::gap_skipped)) wrong = "feed_gap";
        if (!wrong.empty()) {
            all.push_back({fact(feed_stopped{last, wrong, "record " + std::to_string(record.at.value)})});
            return all;
        }
        all.push_back({fact(record)});
        last = record.at;
        incarnation = &record.incarnation;
    }
    return all;
}

}  // namespace

std::optional<care::wanted> need_of(const state& s) {
    if (s.now != phase::stopped) return std::nullopt;
    return care::wanted{care::need::feed_stopped, s.reason + " after record " + std::to_string(s.last.at.value),
                        "caravan events --type caravan.cloud.feed_stopped"};
}

decision decide(const state& s, const command& c, const context& now) {
    return care::with_care<fact>(s, std::visit(overloaded{
        [&](const hear& x) { return take_in(s, x); },
        [&](const stop_feed& x) {
            return s.now == phase::stopped ? nothing()
                                           : facts(fact(feed_stopped{s.last.at, x.reason, x.detail}));
        },
        [&](const resume_feed& x) {
            return s.now == phase::stopped ? facts(fact(feed_resumed{s.last.at, x.anew})) : nothing();
        },
    }, c), now.now);
}

}  // namespace caravan::cloud
