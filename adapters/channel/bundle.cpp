#include "adapters/channel/bundle.hpp"

#include <algorithm>

namespace caravan::channel {

std::shared_ptr<relay> bundle::begin(lane kind) {
    const auto same = [](const auto& one) { return one->kind() == lane::ctl; };
    if (shut_ || streams_.size() >= streams_max) return nullptr;
    if (kind == lane::ctl && std::any_of(streams_.begin(), streams_.end(), same)) return nullptr;
    return streams_.emplace_back(std::make_shared<relay>(kind, *this));
}

void bundle::cut() {
    auto all = std::exchange(streams_, {});
    for (const lane kind : {lane::nbd, lane::mem, lane::ctl})
        for (const auto& one : all)
            if (one->kind() == kind && !one->stopped()) one->stop(own_host());
    if (records) std::exchange(records, nullptr)->stop();
}

void bundle::shut() {
    shut_ = true;
    cut();
}

void bundle::refuse(const std::string& reason, const std::string& detail,
                    const std::shared_ptr<relay>& parting) {
    if (shut_) return;
    std::erase(streams_, parting);
    shut();
    if (parting) parting->part();
    listener_.refused({about.id, reason, detail});
    if (const auto told = std::exchange(on_shut, nullptr)) told();
}

void bundle::hear(const std::string& record) {
    if (++records_heard_ > records_max) return refuse("too_many_records", std::to_string(records_max) + " were heard");
    listener_.record_heard(about.id, record);
}

bool bundle::worth_telling(const std::string& reason, std::chrono::steady_clock::time_point now) {
    const auto [known, first] = told_.try_emplace(reason, now);
    if (!first && now - known->second < std::chrono::seconds(1)) return false;
    known->second = now;
    return true;
}

void bundle::lose(const std::string& reason) {
    if (streams_.empty() && !records) return;
    cut();
    listener_.closed(about.id, reason);
}

void bundle::look(std::chrono::steady_clock::time_point now, std::chrono::milliseconds stall) {
    const bool dark = (records && records->stuck(now, stall)) ||
                      std::any_of(streams_.begin(), streams_.end(),
                                  [&](const auto& one) { return one->stuck(now, stall); });
    if (dark) return lose("stalled");
    if (records) std::shared_ptr(records)->beat(now);
}

port::channel_observation bundle::observed() const {
    const std::size_t out = static_cast<std::size_t>(own_host());
    return {about.id, static_cast<std::uint32_t>(streams_.size()), moved_[out], moved_[1 - out]};
}

void bundle::carried(direction way, std::size_t count) {
    moved_[static_cast<std::size_t>(way)] += count;
    if (spent() > budget) refuse("over_budget", std::to_string(budget) + " bytes are spent");
}

void bundle::over(const std::shared_ptr<relay>& which, ending how) {
    std::erase(streams_, which);
    if (how == ending::ended) return;
    // The others of the job are worthless without it, and libvirt may notice only minutes later.
    cut();
    listener_.closed(about.id, "broken");
}

void bundle::judged(const std::shared_ptr<relay>& which, const gate::verdict& says) {
    if (!says.inside.empty()) listener_.scrubbed(about.id, says.inside);
    if (says.destination_ready) listener_.destination_ready(about.id);
    if (says.refused) refuse(says.refused->reason, says.refused->detail, which);
}

std::string socket_path(const std::string& directory, const migration_id& id, lane kind) {
    return directory + "/caravan-" + id.text + "-" +
           std::string(lane_names[static_cast<std::size_t>(kind)]) + ".sock";
}

}  // namespace caravan::channel
