// sim_channel: an agent's end, or a proxy's relay, of simulated channels. Bytes do not flow: a copy
// in the world goes on while all four ends of its job are open and the WAN is not dark.
#pragma once

#include "adapters/sim/world.hpp"

namespace caravan::sim {

class sim_channel final : public port::channel {
  public:
    // World and listener must outlive it. Its streams close with it, as those of a process do.
    sim_channel(world&, bool relay, port::channel_listener&);
    ~sim_channel() override;

    // Besides the port's: at the destination's relay permanent "no_ticket", "ticket_foreign" and
    // "ticket_expired". Signatures are not checked here.
    result<void> open(const job&) override;
    result<void> close(const migration_id&) override;
    result<std::vector<port::channel_observation>> observe() override;
    result<void> send_record(const migration_id&, const std::string& bytes) override;

  private:
    world& world_;
    const bool relay_;
    const world::holder self_;
};

}  // namespace caravan::sim
