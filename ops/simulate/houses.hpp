// houses: what a process of each kind is made of: Caravan's own code on simulated ports. Each lives once;
// its end is told to the world first (links hushed, streams closed, disk crashed), as the kernel would.
#pragma once

#include "actors/runtime/controller.hpp"
#include "actors/runtime/site.hpp"
#include "adapters/sim/channel.hpp"
#include "adapters/sim/hypervisor.hpp"
#include "adapters/sim/journal.hpp"
#include "adapters/sim/link.hpp"
#include "adapters/sim/network.hpp"
#include "ops/simulate/process.hpp"

namespace caravan::simulate {

// What hypervisors and channels tell, to a site that is made after them and goes before them.
class ears final : public port::hypervisor_listener, public port::channel_listener {
  public:
    void hear_for(port::hypervisor_listener* host, port::channel_listener* channel) {
        host_ = host;
        channel_ = channel;
    }
    void vm_changed(const port::vm_observation& v) override { if (host_) host_->vm_changed(v); }
    void copy_progressed(const port::copy_progress& p) override { if (host_) host_->copy_progressed(p); }
    void copy_begun(const migration_id& id) override {
        if (host_) host_->copy_begun(id);
    }
    void copy_ended(const migration_id& id, const result<void>& how) override {
        if (host_) host_->copy_ended(id, how);
    }
    void refused(const port::channel_refusal& r) override { if (channel_) channel_->refused(r); }
    void closed(const migration_id& id, const std::string& why) override { if (channel_) channel_->closed(id, why); }
    void destination_ready(const migration_id& id) override { if (channel_) channel_->destination_ready(id); }
    void record_heard(const migration_id& id, const std::string& bytes) override {
        if (channel_) channel_->record_heard(id, bytes);
    }

  private:
    port::hypervisor_listener* host_ = nullptr;
    port::channel_listener* channel_ = nullptr;
};

// Every word that may not leave a cloud has this in it: names and endpoints of hosts and proxies.
inline constexpr std::string_view inside_mark = "backroom";

using log_to = std::function<void(const std::string&)>;

class agent_house : public process {
  public:
    agent_house(agenda&, dice, sim::world&, const sim::place&, sim::link_hub&, const log_to&);
    ~agent_house();
    runtime::agent& agent() { return *agent_; }

  private:
    const port::device who_;
    sim::link_hub& hub_;
    ears heard_;
    std::unique_ptr<port::link_client> link_;
    sim::sim_hypervisor hypervisor_;
    sim::sim_host_network network_;
    sim::sim_channel channel_;
    std::unique_ptr<runtime::agent> agent_;
};

class proxy_house : public process {
  public:
    proxy_house(agenda&, dice, sim::world&, const proxy_name&, sim::link_hub&, const log_to&);
    ~proxy_house();
    runtime::site_proxy& proxy() { return *proxy_; }
    sim::sim_site_network network;

  private:
    const port::device who_;
    sim::link_hub& hub_;
    ears heard_;
    std::unique_ptr<port::link_client> link_;
    sim::sim_channel channel_;
    std::unique_ptr<runtime::site_proxy> proxy_;
};

// `journal` outlives the controller; what it refuses from a dead one's hands is the caller's to see to.
class controller_house : public process {
  public:
    controller_house(agenda&, dice, const cloud_name&, std::unique_ptr<port::journal>, sim::link_hub&,
                     std::vector<runtime::peer_config>, port::clock&, const log_to&);
    ~controller_house();
    result<void> start();
    runtime::controller& controller() { return *controller_; }
    void kill_errand(const migration_id&);  // the one that performs a step of it, if any does

  private:
    sim::link_hub& hub_;
    std::unique_ptr<port::journal> journal_;
    std::unique_ptr<port::link_server> server_;
    std::unique_ptr<runtime::controller> controller_;
    std::map<std::string, caf::weak_actor_ptr> errands_;  // the last one of each stream
};

}  // namespace caravan::simulate
