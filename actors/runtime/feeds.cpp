#include "actors/runtime/feeds.hpp"

namespace caravan::runtime {

controller::feeds::feeds(controller& c) {
    for (auto& p : c.ports.peers) {
        if (p.to) tellers_[p.cloud] = std::make_unique<teller>(c, p);
        if (p.from) hearers_[p.cloud] = std::make_unique<hearer>(c, p);
    }
}

controller::feeds::~feeds() { stop(); }

result<void> controller::feeds::check() const {
    for (const auto& [cloud, t] : tellers_)
        if (auto right = t->check(); !right) return right;
    return {};
}

void controller::feeds::start() {
    for (auto& [cloud, t] : tellers_) t->start();
    for (auto& [cloud, h] : hearers_) h->start();
}

void controller::feeds::stop() {
    for (auto& [cloud, h] : hearers_) h->stop();
    for (auto& [cloud, t] : tellers_) t->stop();
}

void controller::feeds::told(std::span<const committed> all) {
    for (const auto& one : all) {
        if (!one.what.audience.empty())
            for (auto& [cloud, t] : tellers_)
                if (one.what.audience == cloud || one.what.audience.text == "*") t->tell(one.what.at, one.bytes);
        const auto* group = std::get_if<cloud::fact>(&one.what.what);
        if (!group || !std::holds_alternative<cloud::feed_resumed>(*group)) continue;
        const auto h = hearers_.find(cloud_name(std::string(subject_of(one.what.stream))));
        if (h != hearers_.end()) h->second->resume();
    }
}

void controller::feeds::foretold(const shell::fact_to_be& f) {
    const auto* group = std::get_if<cloud::fact>(&f.what.what);
    const auto* heard = group ? std::get_if<cloud::heard>(group) : nullptr;
    if (!heard) return;
    const auto h = hearers_.find(cloud_name(std::string(subject_of(f.stream))));
    if (h != hearers_.end()) h->second->act(*heard, f.as_cause, f.hold);
}

topology::standing::feed controller::feeds::standing(const cloud_name& peer) const {
    topology::standing::feed out;
    if (const auto h = hearers_.find(peer); h != hearers_.end()) out.hindered = h->second->hindered();
    const auto t = tellers_.find(peer);
    if (t == tellers_.end()) return out;
    out.sent = t->second->sent();
    if (!out.hindered) out.hindered = t->second->hindered();
    return out;
}

}  // namespace caravan::runtime
