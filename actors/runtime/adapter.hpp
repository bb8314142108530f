// adapter: the actor in front of one adapter of an agent or proxy (libvirt, the host's VAN ports, the
// channels, the site's VANs). Takes orders with an idempotency key: one that is under way is joined, one
// that was done is answered again. Orders of one migration run one after another; calls that block run
// on workers. If it dies, it is restarted empty, asked again by the controller, and its port converges:
// every call of a port observes before it acts. A call outlives the actor that made it; the next one's calls
// for the same migration wait for its end.
#pragma once

#include <caf/all.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>

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

// The calls of one adapter, through all lives of its actor: one at a time of each migration.
class calls : public std::enable_shared_from_this<calls> {
  public:
    explicit calls(const std::shared_ptr<workers>& pool) : pool_(pool) {}
    // One that is no more wanted when its turn comes is passed over.
    void post(const migration_id&, std::shared_ptr<const std::atomic<bool>> wanted, std::function<void()>);

  private:
    struct call {
        std::shared_ptr<const std::atomic<bool>> wanted;
        std::function<void()> run;
    };
    void begin(const migration_id&);
    const std::weak_ptr<workers> pool_;
    std::mutex mutex_;
    std::map<migration_id, std::deque<call>> lines_;
};

// `deaths` in a row of its earlier lives: it begins after a pause that they say, and forgets them once it has
// lived for a while.
caf::actor spawn_adapter(caf::actor_system&, std::shared_ptr<calls>, adapter_acts,
                         std::shared_ptr<std::atomic<std::uint32_t>> deaths);
// The lasting act of this migration begins, or is found under way: an end told before is that of an earlier one.
void tell_begun(const caf::actor& adapter, const migration_id&);
// The lasting act of this migration has ended.
void tell_ended(const caf::actor& adapter, const migration_id&, const result<void>&);
// An observation's answer is a word, not a job: see saga::source_world.
tl::unexpected<failure> seen_as(std::string word);

}  // namespace caravan::runtime
