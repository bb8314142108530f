// controller: one cloud, alive. Puts together the shell of actors, the ledger, the devices (agents and
// proxies over the control link), the feeds to and from peers, and the view that people are shown.
// Ports come from outside: the same class runs in production, in tests and in simulation.
#pragma once

#include <shared_mutex>

#include "actors/ports/desk.hpp"
#include "actors/ports/feed.hpp"
#include "actors/ports/link.hpp"
#include "actors/runtime/shell.hpp"
#include "topology/view.hpp"

namespace caravan::runtime {

struct peer_config {
    cloud_name cloud;
    std::string proxy_endpoint;  // "host:port" on the WAN
    std::string van_endpoint;    // "host:port" on the WAN, for VAN frames
    std::unique_ptr<port::feed_writer> to;
    std::unique_ptr<port::feed_reader> from;
};

struct controller_ports {
    port::clock* clock = nullptr;
    port::journal* journal = nullptr;
    port::link_server* link = nullptr;
    std::vector<peer_config> peers;
    std::function<result<signed_ticket>(const ticket&)> sign;  // with the cloud's key
    std::function<migration_id()> new_migration_id;
    std::function<std::string()> new_incarnation;  // 26 characters
    std::function<std::string(std::size_t)> random;  // that many bytes; empty: the system's
    runtime::loops* loops = &threads();
    std::function<void(const std::string& line)> log;
};

class controller final : public port::link_listener {
  public:
    controller(caf::actor_system&, cloud_name own, controller_ports);
    ~controller() override;

    // Folds the journal, brings unfinished sagas to life, begins to listen. Fails if the journal does, or is not what
    // peers were told of: permanent "journal_rewound".
    result<void> start();
    // The journal cannot be gone on with: nothing is written or accepted any more until a restart.
    void give_up(failure why);
    // Sends all actors home; nothing is told, heard or taken in any more. The end does it, too.
    void close();
    port::desk& desk();
    shell& actors() { return shell_; }

    // From the control link.
    void connected(const port::device&) override;
    void received(const port::device&, std::string frame) override;
    void disconnected(const port::device&) override;

    // For the runtime's own parts.
    // Answers the order's number, by which it can be taken back while it was not reported.
    std::uint64_t order_device(const port::device&, order, std::function<void(const report&)> done);
    void take_back(const port::device&, std::uint64_t order_number);
    std::optional<port::device> any_proxy() const;
    // Who was here since then, and is away, is expected back: agents dial again within seconds.
    instant lately() const;
    void with_view(const std::function<void(const topology::federation&)>& look) const;
    const peer_config* peer(const cloud_name&) const;
    topology::standing standing() const;  // how its house and its feeds do in this moment
    void note_progress(const progress&);
    // Gives all proxies and agents the VANs and routes as the books have them.
    void refresh_networks();
    std::vector<van_link> vans_of(const vm_spec&) const;
    std::vector<route_link> routes_of(const job&) const;

    controller_ports ports;
    const cloud_name own;

  private:
    friend class front_desk;
    class feeds;

    void watch(std::span<const committed>);
    void react(const committed&);
    void revive_unfinished();
    std::vector<port::device> online_devices() const;
    void place_addresses(const topology::vm_view&);
    void drop_addresses(const topology::vm_view&);
    void refresh_route(const van_name&, const van::route_moved&);
    void order_proxies(const order&);
    void forget_route(const van_name&, const van::route_dropped&);

    runtime::ledger ledger_;
    mutable std::shared_mutex view_mutex_;
    topology::federation view_;
    std::map<migration_id, std::string> progress_;  // the last frame of each live copy
    mutable std::mutex devices_mutex_;
    std::mutex refresh_mutex_;
    std::map<port::device, caf::actor> devices_;
    std::map<port::device, bool> online_;
    instant started_{};
    bool closing_ = false;  // no device's actor is brought to life any more
    std::atomic<std::uint64_t> next_order_;
    shell shell_;
    std::unique_ptr<feeds> feeds_;
    std::unique_ptr<port::desk> desk_;
    std::function<void(const progress&)> tell_progress_;
    std::function<void(std::span<const committed>)> tell_events_;
};

// Performs one op at this side, deed by deed (sagas/deeds.hpp), and tells the stream how it ended.
caf::actor spawn_errand(controller&, const stream_id&, const errand&);
// One agent's or proxy's orders: kept until reported, sent again when it comes back.
caf::actor spawn_device(controller&, const port::device&);
// What the own records are asked to do; `done` gets the outcome and the job, completed. Once `wanted` says
// no, nothing more is asked, and `done` may never be called.
struct books_result {
    step_result how;
    job about;
    bool soon = false;  // it may go otherwise in a moment: to be asked again, as long as the step allows
};
void keep_books(controller&, std::uint8_t books_entry, const errand&, std::function<bool()> wanted,
                std::function<void(books_result)> done);

std::unique_ptr<port::desk> make_desk(controller&);
std::vector<std::string> step_names();

}  // namespace caravan::runtime
