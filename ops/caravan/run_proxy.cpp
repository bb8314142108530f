#include "ops/caravan/run.hpp"

#include "actors/runtime/site.hpp"
#include "adapters/channel/proxy_channel.hpp"
#include "adapters/clock/system_clock.hpp"
#include "adapters/http/link.hpp"
#include "adapters/van/dtls_site_network.hpp"
#include "ops/caravan/process.hpp"

namespace caravan::ops {

namespace {

class forwarding final : public port::channel_listener, public van::site_listener {
  public:
    explicit forwarding(std::function<void(const std::string&)> log) : log_(std::move(log)) {}
    void forward_to(runtime::site_proxy* to) {
        const std::lock_guard lock(mutex_);
        to_ = to;
    }
    void refused(const port::channel_refusal& r) override {
        log_("refused: " + r.id.text + ": " + r.reason + ": " + r.detail);
        with([&](auto& p) { p.refused(r); });
    }
    void closed(const migration_id& id, const std::string& why) override {
        log_("channel closed: " + id.text + ": " + why);
        with([&](auto& p) { p.closed(id, why); });
    }
    void destination_ready(const migration_id& id) override { with([&](auto& p) { p.destination_ready(id); }); }
    void record_heard(const migration_id& id, const std::string& bytes) override {
        with([&](auto& p) { p.record_heard(id, bytes); });
    }
    void peer_changed(const cloud_name& peer, bool up, const std::string& detail) override {
        log_("VAN tunnel to " + peer.text + (up ? " is up " : " is down ") + detail);
    }
    void peer_refused(const std::string& from, const failure& why) override {
        log_("VAN tunnel from " + from + " refused: " + why.reason + " " + why.detail);
    }

  private:
    template <class F>
    void with(F&& tell) {
        const std::lock_guard lock(mutex_);
        if (to_) tell(*to_);
    }
    const std::function<void(const std::string&)> log_;
    std::mutex mutex_;
    runtime::site_proxy* to_ = nullptr;
};

}  // namespace

int run_proxy(const proxy_config& c) {
    const stop_signals signals;
    const auto log = log_of("proxy." + c.cloud.text);
    if (!c.wan.key_log.empty())
        log("WARNING: wan.key_log: whoever reads " + c.wan.key_log +
            " and the WAN reads the memory and disks of all VMs that move");
    forwarding events(log);
    adapter::system_clock clock;
    auto network = van::dtls_site_network::open({c.listen.vxlan, c.listen.van, c.wan, c.peers}, events);
    if (!network) return failed_to_start(network.error());
    auto channel = channel::proxy_channel::make(
        {c.tls, c.wan, c.peers, c.listen.site, c.listen.wan, c.signing,
         std::chrono::duration_cast<std::chrono::milliseconds>(c.stall)}, clock, events);
    if (!channel) return failed_to_start(channel.error());
    auto link = http::beast_link_client::open(
        {.cloud = c.cloud, .controller = c.controller, .tls = c.tls, .notice = log});
    if (!link) return failed_to_start(link.error());
    actor_house house;
    runtime::site_proxy proxy(*house.system, **link, {network->get(), channel->get(), c.listen.site, c.listen.vxlan}, log);
    events.forward_to(&proxy);
    (*link)->listen(proxy);
    log("ready");
    signals.wait();
    events.forward_to(nullptr);
    (*link)->stop();
    return 0;
}

}  // namespace caravan::ops
