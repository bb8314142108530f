// bundle: all streams of one job in one process, which live and die together: one count of bytes,
// one end. Lives on the loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/ports/channel.hpp"
#include "adapters/channel/record_line.hpp"
#include "adapters/channel/relay.hpp"

namespace caravan::channel {

inline constexpr std::size_t streams_max = 64;   // of a job, at once
inline constexpr std::size_t records_max = 256;  // heard of a job, in all: a switchover takes one or two

class bundle final : public relay_owner {
  public:
    bundle(job what, port::channel_listener& listener)
        : about(std::move(what)), listener_(listener) {}
    bundle(const bundle&) = delete;
    bundle& operator=(const bundle&) = delete;
    ~bundle() override { cut(); }

    job about;
    ticket leave;  // proxies: what its ticket says; empty without one
    bytes budget = std::numeric_limits<bytes>::max();  // of all streams, both ways
    std::shared_ptr<record_line> records;              // proxies: while it stands
    bool dialling = false;                             // for them
    std::function<void()> on_shut;                     // the job was refused; may be called once

    // A new stream; null if there are too many, or a second ctl, or the job is shut.
    std::shared_ptr<relay> begin(lane);

    // Shuts the job, and tells. A parting stream closes last, and with its last word.
    void refuse(const std::string& reason, const std::string& detail,
                const std::shared_ptr<relay>& parting = nullptr);
    void hear(const std::string& record);  // tells; too many: refuses
    // Proxies: whether a stream that was refused for it is told of: at most once a second, for each reason.
    bool worth_telling(const std::string& reason, std::chrono::steady_clock::time_point now);
    void lose(const std::string& reason);  // closes all streams, and tells; new ones may come
    void shut();                           // closes all streams; no new ones
    bool is_shut() const noexcept { return shut_; }

    // Closes a job that has been dark for `stall`; keeps its records' line warm.
    void look(std::chrono::steady_clock::time_point now, std::chrono::milliseconds stall);

    port::channel_observation observed() const;
    bytes spent() const noexcept { return moved_[0] + moved_[1]; }
    // The end towards the own hypervisor: closed first.
    direction own_host() const noexcept {
        return about.here == side::source ? direction::call : direction::reply;
    }

    void carried(direction, std::size_t) override;
    void over(const std::shared_ptr<relay>&, ending) override;
    void judged(const std::shared_ptr<relay>&, const gate::verdict&) override;

  private:
    void cut();  // all streams, nbd first: an nbd stream left standing freezes the guest's disk

    port::channel_listener& listener_;
    std::vector<std::shared_ptr<relay>> streams_;
    std::array<bytes, 2> moved_{};  // by direction
    std::size_t records_heard_ = 0;
    std::map<std::string, std::chrono::steady_clock::time_point> told_;  // by reason: those of check_ticket
    bool shut_ = false;
};

// "DIRECTORY/caravan-ID-ctl.sock"
std::string socket_path(const std::string& directory, const migration_id&, lane);

}  // namespace caravan::channel
