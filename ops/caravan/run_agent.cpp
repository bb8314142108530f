#include "ops/caravan/run.hpp"

#include <unistd.h>

#include <filesystem>

#include "actors/runtime/site.hpp"
#include "adapters/channel/agent_channel.hpp"
#include "adapters/http/link.hpp"
#include "adapters/libvirt/libvirt_hypervisor.hpp"
#include "adapters/sim/host/folder_hypervisor.hpp"
#include "adapters/sim/network.hpp"
#include "adapters/van/linux_host_network.hpp"
#include "ops/caravan/process.hpp"

namespace caravan::ops {

namespace {

// The hypervisor and the channel tell their listener from the start; the agent is made after them.
class forwarding final : public port::hypervisor_listener, public port::channel_listener {
  public:
    void forward_to(runtime::agent* to) {
        const std::lock_guard lock(mutex_);
        to_ = to;
    }
    void vm_changed(const port::vm_observation& v) override { with([&](auto& a) { a.vm_changed(v); }); }
    void copy_progressed(const port::copy_progress& p) override { with([&](auto& a) { a.copy_progressed(p); }); }
    void copy_begun(const migration_id& id) override {
        with([&](auto& a) { a.copy_begun(id); });
    }
    void copy_ended(const migration_id& id, const result<void>& how) override {
        with([&](auto& a) { a.copy_ended(id, how); });
    }
    void refused(const port::channel_refusal& r) override { with([&](auto& a) { a.refused(r); }); }
    void closed(const migration_id& id, const std::string& why) override { with([&](auto& a) { a.closed(id, why); }); }
    void destination_ready(const migration_id&) override {}
    void record_heard(const migration_id&, const std::string&) override {}

  private:
    template <class F>
    void with(F&& tell) {
        const std::lock_guard lock(mutex_);
        if (to_) tell(*to_);
    }
    std::mutex mutex_;
    runtime::agent* to_ = nullptr;
};

std::string machine_name() {
    char name[256] = {};
    (void)::gethostname(name, sizeof name - 1);
    return name;
}

std::string libvirt_socket_of(const std::string& uri) {
    const auto at = uri.find("socket=");
    return at == uri.npos ? "/run/libvirt/libvirt-sock" : uri.substr(at + 7, uri.find('&', at) - at - 7);
}

// What must never be seen outside, for the gate's tripwire.
std::vector<std::string> markers_of(const agent_config& c) {
    return {machine_name(), c.vxlan.address, c.vxlan.proxy, c.libvirt.images, c.libvirt.sockets, c.libvirt.boot,
            c.libvirt.emulator};
}

result<void> complete(const agent_config& c, const libvirt::libvirt_hypervisor& hypervisor, job& j) {
    j.sockets = c.libvirt.sockets;
    for (auto& marker : markers_of(c))
        if (marker.size() > 3) j.markers.push_back(std::move(marker));
    if (j.here == side::source) return {};
    auto own = hypervisor.own_domains(j);
    if (!own) return tl::unexpected(own.error());
    j.own_live_xml = std::move(own->live);
    j.own_persistent_xml = std::move(own->persistent);
    return {};
}

// What an agent drives, and where its channel meets that.
struct machine {
    std::unique_ptr<port::hypervisor> hypervisor;
    std::unique_ptr<port::host_network> network;
    std::string sockets, daemon;  // folder of the jobs' sockets; libvirt's own
    std::function<result<void>(job&)> complete;
};

result<machine> real_machine(const agent_config& c, port::hypervisor_listener& events) {
    auto network = van::linux_host_network::open({c.vxlan.address, c.vxlan.proxy + ":4789"});
    if (!network) return tl::unexpected(network.error());
    auto hypervisor = std::make_unique<libvirt::libvirt_hypervisor>(
        libvirt::config{c.libvirt.uri, c.libvirt.images, c.libvirt.sockets, c.libvirt.boot, c.libvirt.emulator,
                        c.libvirt.pool, c.libvirt.processes, c.libvirt.definitions, c.libvirt.domain_type}, events);
    auto filled = [&c, &at = *hypervisor](job& j) { return complete(c, at, j); };
    return machine{std::move(hypervisor), std::move(*network), c.libvirt.sockets, libvirt_socket_of(c.libvirt.uri),
                   std::move(filled)};
}

// VMs that are files, and ports that are remembered; the channel to other hosts is the real one.
result<machine> simulated_machine(const agent_config& c, port::hypervisor_listener& events) {
    static sim::timer_thread time;
    static sim::world ports(time.timing());
    std::error_code ignored;
    std::filesystem::create_directories(c.simulated.folder, ignored);
    auto hypervisor = sim::folder_hypervisor::open({c.simulated.folder, c.simulated.rate}, events);
    if (!hypervisor) return tl::unexpected(hypervisor.error());
    const auto door = (*hypervisor)->daemon_socket();
    auto filled = [folder = c.simulated.folder](job& j) {
        j.sockets = folder;
        j.markers = {folder};
        return result<void>();
    };
    return machine{std::move(*hypervisor), std::make_unique<sim::sim_host_network>(ports, sim::place{c.cloud, c.name}),
                   c.simulated.folder, door, std::move(filled)};
}

}  // namespace

int run_agent(const agent_config& c) {
    const stop_signals signals;
    const auto log = log_of("agent." + c.cloud.text + "." + c.name.text);
    forwarding events;
    auto host = c.hypervisor == hypervisor_kind::simulated ? simulated_machine(c, events) : real_machine(c, events);
    if (!host) return failed_to_start(host.error());
    auto channel = channel::agent_channel::make(
        {c.tls, c.listen, host->sockets, host->daemon, std::chrono::seconds(7)}, events);
    if (!channel) return failed_to_start(channel.error());
    auto link = http::beast_link_client::open(
        {.cloud = c.cloud, .controller = c.controller, .tls = c.tls, .notice = log});
    if (!link) return failed_to_start(link.error());
    actor_house house;
    runtime::agent agent(*house.system, **link,
                         {host->hypervisor.get(), host->network.get(), channel->get(), c.listen, c.vxlan.address,
                          host->complete}, log);
    events.forward_to(&agent);
    (*link)->listen(agent);
    log("ready");
    signals.wait();
    events.forward_to(nullptr);
    (*link)->stop();
    return 0;
}

}  // namespace caravan::ops
