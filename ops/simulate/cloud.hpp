// cloud: one simulated cloud: the processes that live now, and what outlives them: disk, links, clocks,
// what was told of it. Processes end and begin at any instant between two steps.
#pragma once

#include "adapters/sim/feed.hpp"
#include "ops/simulate/houses.hpp"
#include "topology/federation.hpp"

namespace caravan::simulate {

// Told of every entry as soon as it is durable, in order, once; also of those whose writer died before
// it heard so (then at the next start).
class history {
  public:
    virtual ~history() = default;
    virtual void written(const cloud_name&, const port::entry&) = 0;
    virtual void published(const cloud_name& from, const cloud_name& to, const port::feed_record&) = 0;
    virtual void route_replaced(const cloud_name& at, const port::route& before, const port::route& now) = 0;
};

// The ground that all clouds stand on.
struct ground {
    agenda& time;
    sim::world& world;
    history& told;
    log_to log;
};

class cloud {
  public:
    cloud(const ground&, dice, cloud_name, std::size_t hosts, bytes memory);
    ~cloud();
    cloud(const cloud&) = delete;

    // The feeds to and from each other cloud; before start().
    void join(const cloud_name& peer, sim::feed_line& to, sim::feed_line& from);

    void start();  // all processes

    void start_controller();
    void kill_controller();  // and its disk loses what was not synced
    void start_agent(std::size_t host);
    void kill_agent(std::size_t host);
    void start_proxy();
    void kill_proxy();

    runtime::controller* controller() { return controller_ ? &controller_->controller() : nullptr; }
    controller_house* controller_process() { return controller_.get(); }
    agent_house* agent_process(std::size_t host) { return agents_[host].get(); }
    proxy_house* proxy_process() { return proxy_.get(); }
    template <class F>
    void each_process(F&& what) {
        if (controller_) what(*controller_);
        if (proxy_) what(*proxy_);
        for (auto& a : agents_)
            if (a) what(*a);
    }

    std::size_t hosts() const { return host_names_.size(); }
    sim::place place_of(std::size_t host) const { return {name, host_names_[host]}; }
    port::device device_of(std::size_t host) const { return {port::device_kind::agent, host_names_[host].text}; }
    port::device proxy_device() const { return {port::device_kind::proxy, proxy_name_.text}; }

    const cloud_name name;
    sim::journal_disk disk;
    sim::link_hub hub;
    wall_clock clock;
    std::uint64_t lives = 0;  // of controllers

  private:
    class told_journal;
    class told_writer;
    struct neighbour {
        cloud_name cloud;
        sim::feed_line *to, *from;
    };

    ground ground_;
    dice luck_;
    const proxy_name proxy_name_;
    std::vector<host_name> host_names_;
    std::vector<neighbour> peers_;
    position told_upto_;
    std::unique_ptr<controller_house> controller_;
    std::unique_ptr<proxy_house> proxy_;
    std::vector<std::unique_ptr<agent_house>> agents_;
};

}  // namespace caravan::simulate
