// adapter: the actor in front of one adapter of an agent or proxy (libvirt, the host's VAN ports, the
// channels, the site's VANs). Takes orders with an idempotency key: one that is under way is joined, one
// that was done is answered again. Orders of one migration run one after another; calls that block run
// on workers. If it dies, it is restarted empty, asked again by the controller, and its port converges:
// every call of a port observes before it acts.
#pragma once

#include <caf/all.hpp>

#include <map>

#include "actors/runtime/mail.hpp"
#include "actors/runtime/workers.hpp"

namespace caravan::runtime {

// What an act answers: the job, completed by it, or why not.
using act_result = result<std::optional<job>>;
inline act_result as_act(const result<void>& how) {
    if (!how) return tl::unexpected(how.error());
    return std::optional<job>();
}
using act_handler = std::function<act_result(const order&)>;

struct adapter_acts {
    std::map<act, act_handler> acts;
    act lasting = act::observe;  // an act that ends by `ended` rather than by its return; observe: none
};

caf::actor spawn_adapter(caf::actor_system&, std::shared_ptr<workers>, adapter_acts);
// The lasting act of this migration has ended.
void tell_ended(const caf::actor& adapter, const migration_id&, const result<void>&);
// An observation's answer is a word, not a job: see saga::source_world.
tl::unexpected<failure> seen_as(std::string word);

}  // namespace caravan::runtime
