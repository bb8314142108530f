// site: an agent or a proxy, alive: its adapters' actors behind the control link. It says what it holds
// whenever the controller is (again) there, carries out orders, and tells what it sees.
#pragma once

#include <caf/all.hpp>

#include <atomic>
#include <mutex>

#include "actors/ports/channel.hpp"
#include "actors/ports/hypervisor.hpp"
#include "actors/ports/link.hpp"
#include "actors/ports/network.hpp"
#include "actors/runtime/adapter.hpp"

namespace caravan::runtime {

// What agent and proxy have in common: adapters' actors, found by act, brought back when they die
// (actors/care/need.hpp says when); the controller is told of one that does so too often.
class site : public port::link_listener {
  public:
    site(caf::actor_system&, loops&, port::link_client&, std::function<void(const std::string&)> log);
    ~site() override;

    void connected(const port::device&) override;
    void received(const port::device&, std::string frame) override;
    void disconnected(const port::device&) override {}

    // As chaos does: the adapter's actor that carries out `one` dies at once.
    void kill(act one);
    // Nothing is carried out any more, and the actors are sent home. The end does it, too.
    void close();

  protected:
    void add(const char* name, std::size_t threads, adapter_acts);  // one adapter; before traffic
    caf::actor actor_of(act);
    virtual std::string hello() = 0;  // the frame; may block
    // Tells what nothing else tells, and answers when to do so again. Only after a hello; may block.
    virtual std::optional<duration> look_around() { return std::nullopt; }
    void send(std::string frame) { link_.send(std::move(frame)); }
    void greet();
    void stop();  // before the derived part goes

    caf::actor_system& system_;
    loops& home_;
    port::link_client& link_;
    std::function<void(const std::string&)> log_;

  private:
    struct adapter {
        std::string name;
        std::shared_ptr<workers> pool;
        std::shared_ptr<calls> under_way;
        std::shared_ptr<std::atomic<std::uint32_t>> deaths;  // in a row
        adapter_acts acts;
        caf::actor actor;
    };
    // Whether the site is still there, for its actors' last words: those may be said while it ends.
    struct presence {
        std::mutex mutex;
        bool over = false;
    };
    void raise(adapter&);
    void bring_back(adapter&, const caf::error& why);
    std::optional<duration> say_hello();
    bool greeted_ = false;

    std::mutex mutex_;
    std::vector<std::unique_ptr<adapter>> adapters_;
    std::vector<caf::actor> leaving_;
    const std::shared_ptr<presence> presence_ = std::make_shared<presence>();
    std::atomic<bool> greeting_ = false;
    std::unique_ptr<loop> greeter_;
};

struct agent_ports {
    port::hypervisor* hypervisor = nullptr;
    port::host_network* network = nullptr;
    port::channel* channel = nullptr;
    std::string endpoint, vxlan_address;     // told to the controller
    std::function<result<void>(job&)> complete;  // fills in what the own proxy's gate must know
};

class agent final : public site, public port::hypervisor_listener, public port::channel_listener {
  public:
    agent(caf::actor_system&, port::link_client&, agent_ports, std::function<void(const std::string&)> log,
          loops& = threads());
    ~agent() override { stop(); }

    void vm_changed(const port::vm_observation&) override;
    void copy_progressed(const port::copy_progress&) override;
    void copy_begun(const migration_id&) override;
    void copy_ended(const migration_id&, const result<void>&) override;
    void refused(const port::channel_refusal&) override;
    void closed(const migration_id&, const std::string&) override {}
    void destination_ready(const migration_id&) override {}
    void record_heard(const migration_id&, const std::string&) override {}

  private:
    std::string hello() override;
    std::optional<duration> look_around() override;
    agent_ports ports_;
    bool looked_ = false;
};

struct proxy_ports {
    port::site_network* network = nullptr;
    port::channel* channel = nullptr;
    std::string site_endpoint, vxlan_address;
};

class site_proxy final : public site, public port::channel_listener {
  public:
    site_proxy(caf::actor_system&, port::link_client&, proxy_ports, std::function<void(const std::string&)> log,
               loops& = threads());
    ~site_proxy() override { stop(); }

    void refused(const port::channel_refusal&) override;
    void closed(const migration_id&, const std::string& reason) override;
    void destination_ready(const migration_id&) override;
    void record_heard(const migration_id&, const std::string& bytes) override;

  private:
    std::string hello() override;
    proxy_ports ports_;
};

}  // namespace caravan::runtime
