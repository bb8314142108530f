// Simulated networks: a host's ports live in the world (so that it sees who announces what); a
// site's table of routes lives in its proxy, and is gone with it, as a real one's.
#pragma once

#include "actors/ports/network.hpp"
#include "adapters/sim/world.hpp"

namespace caravan::sim {

class sim_host_network final : public port::host_network {
  public:
    sim_host_network(world& w, place where) : world_(w), where_(std::move(where)) {}

    result<void> attach_silent(const job&, const std::vector<port::van>&) override;
    result<void> activate(const job&) override;
    result<void> detach(const job&) override;
    result<void> ensure(const std::vector<port::van>&) override;
    result<std::vector<port::van>> observe() override;

  private:
    world& world_;
    const place where_;
    std::mutex mutex_;
    std::map<van_name, port::van> vans_;
};

class sim_site_network final : public port::site_network {
  public:
    result<void> extend(const port::van&,
                        const std::vector<std::pair<cloud_name, std::string>>&) override;
    result<void> shrink(const van_name&) override;
    result<void> set_route(const port::route&) override;
    result<void> drop_route(const van_name&, const std::string& mac, epoch upto) override;
    result<std::vector<port::route>> observe() override;

    std::function<void(const port::route& before, const port::route& now)> replaced;  // for those who watch

  private:
    std::mutex mutex_;
    std::map<van_name, port::van> vans_;
    std::map<std::pair<van_name, std::string>, port::route> routes_;
};

}  // namespace caravan::sim
