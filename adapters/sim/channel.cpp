#include "adapters/sim/channel.hpp"

#include "events/json.hpp"

namespace caravan::sim {

sim_channel::sim_channel(world& w, bool relay, port::channel_listener& listener)
    : world_(w), relay_(relay), self_(w.add_channel(&listener)) {}

sim_channel::~sim_channel() {
    world_.remove_channel(self_);
}

namespace {
// Whom this end dials once the copy's streams come: the destination's agent is only dialled.
bool dials_nobody(const job& j, bool relay) {
    if (j.here == side::source) return (relay ? j.peer_endpoint : j.proxy_endpoint).empty();
    return relay && j.agent_endpoint.empty();
}
}  // namespace

result<void> sim_channel::open(const job& j) {
    using enum channel_end;
    const bool source = j.here == side::source;
    if (dials_nobody(j, relay_)) return permanent("nobody_to_dial", j.id.text);
    if (relay_ && !source) {
        const auto ticket = from_json<caravan::ticket>(j.ticket.body);
        if (!ticket || j.ticket.signature.empty()) return permanent("no_ticket", j.id.text);
        if (ticket->id != j.id || ticket->vm != j.vm.name || ticket->from != j.peer)
            return permanent("ticket_foreign", j.id.text);
        if (ticket->deadline < world_.now()) return permanent("ticket_expired", j.id.text);
    }
    world_.open_end(self_,
                    relay_ ? (source ? source_relay : destination_relay)
                           : (source ? source_agent : destination_agent),
                    j);
    return {};
}

result<void> sim_channel::close(const migration_id& id) {
    world_.close_ends(self_, id);
    return {};
}

result<std::vector<port::channel_observation>> sim_channel::observe() {
    std::vector<port::channel_observation> all;
    for (const auto& id : world_.ends_of(self_)) all.push_back({id, 1, 0, 0});
    return all;
}

result<void> sim_channel::send_record(const migration_id& id, const std::string& bytes) {
    if (!relay_) return permanent("not_a_proxy");
    return world_.send_record(self_, id, bytes);
}

}  // namespace caravan::sim
