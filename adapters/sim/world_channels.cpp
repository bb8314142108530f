// Channels between hosts, and the WAN under them.
#include "adapters/sim/world.hpp"

namespace caravan::sim {

world::holder world::add_channel(port::channel_listener* listener) {
    const std::lock_guard lock(mutex_);
    const auto number = next_++;
    channels_[number] = listener;
    return number;
}

void world::remove_channel(holder who) {
    for (const auto& id : ends_of(who)) close_ends(who, id);
    const std::scoped_lock lock(telling_, mutex_);
    channels_.erase(who);
}

void world::open_end(holder by, channel_end which, const job& work) {
    const std::lock_guard lock(mutex_);
    ends_[work.id][which] = {by, {work.own, work.host}};
}

void world::close_ends(holder by, const migration_id& id) {
    const std::lock_guard lock(mutex_);
    const auto found = ends_.find(id);
    if (found == ends_.end()) return;
    const auto closed =
        std::erase_if(found->second, [&](const auto& e) { return e.second.by == by; });
    if (found->second.empty()) ends_.erase(found);
    if (closed && copyings_.contains(id)) strike(id, copy_fault::streams_closed);
}

void world::close_streams(const migration_id& id) {
    const std::lock_guard lock(mutex_);
    if (copyings_.contains(id)) strike(id, copy_fault::streams_closed);
}

std::vector<migration_id> world::ends_of(holder by) const {
    const std::lock_guard lock(mutex_);
    std::vector<migration_id> all;
    for (const auto& [id, open] : ends_)
        for (const auto& [which, end] : open)
            if (end.by == by) {
                all.push_back(id);
                break;
            }
    return all;
}

bool world::flows(const migration_id& id) const {
    const auto found = ends_.find(id);
    return found != ends_.end() && found->second.size() == 4;
}

result<void> world::send_record(holder from, const migration_id& id, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = ends_.find(id);
    const auto relay = [&](channel_end which) -> holder {
        if (found == ends_.end()) return 0;
        const auto open = found->second.find(which);
        return open == found->second.end() ? 0 : open->second.by;
    };
    const auto here = relay(channel_end::source_relay),
               there = relay(channel_end::destination_relay);
    if (!here || !there || (from != here && from != there)) return transient("not_open", id.text);
    if (witness_) witness_->record_sent(id, bytes);
    if (darkness_ || deaf_) return {};
    timing_.after(pace_.trip, [this, to = from == here ? there : here, id, bytes] {
        tell_channel(to, [id, bytes](auto& l) { l.record_heard(id, bytes); });
    });
    return {};
}

void world::set_deaf(bool deaf) {
    const std::lock_guard lock(mutex_);
    deaf_ = deaf;
}

void world::set_dark(bool dark) {
    const std::lock_guard lock(mutex_);
    darkness_ = dark ? next_++ : 0;
    if (dark) close_dark();
}

// While it is dark: whatever stalls for longer than the proxies wait is closed by them.
void world::close_dark() {
    timing_.after(pace_.stall, [this, same = darkness_] {
        const std::lock_guard lock(mutex_);
        if (darkness_ != same || !same) return;
        for (auto& [id, open] : ends_) {
            for (const auto which : {channel_end::source_relay, channel_end::destination_relay})
                if (const auto relay = open.find(which); relay != open.end()) {
                    tell_channel(relay->second.by, [id = id](auto& l) { l.closed(id, "stalled"); });
                    open.erase(relay);
                }
            if (copyings_.contains(id)) strike(id, copy_fault::streams_closed);
        }
        std::erase_if(ends_, [](const auto& e) { return e.second.empty(); });
        close_dark();
    });
}

}  // namespace caravan::sim
