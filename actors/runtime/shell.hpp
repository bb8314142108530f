// shell: the actors of one controller: found by stream, brought to life when first spoken to, restarted
// when they die, put away when idle. Thread-safe. The pure parts know nothing of it.
#pragma once

#include <caf/all.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

#include "actors/runtime/ledger.hpp"
#include "actors/runtime/mail.hpp"
#include "actors/runtime/timers.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::command_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::commit_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::ring_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::order_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::take_back_mail)

namespace caravan::runtime {

class shell {
  public:
    using spawner = std::function<caf::actor(shell&, const stream_id&)>;
    // Performs one errand for a stream; answers the actor that does, so that it can be called back.
    using performer = std::function<caf::actor(shell&, const stream_id&, const errand&)>;

    shell(caf::actor_system&, loops&, ledger&, port::journal&, const port::clock&, cloud_name own);
    ~shell();

    // One kind of stream, "vm" for "vm/NAME". Before any traffic.
    void add_kind(const std::string& prefix, spawner);
    void set_performer(performer p) { perform = std::move(p); }
    // Is told of facts that are on their way into the journal, in order, from the actor that decided them
    // (of kinds that foretell). A command that follows from one is decided and written behind it, so that
    // it costs no second wait for the disk; nothing else may be done about it yet. If the fact is not
    // written after all, what followed may be: that suits a fact that will come again.
    struct fact_to_be {
        const stream_id& stream;
        const said& what;
        cause as_cause;
        std::shared_ptr<void> hold;  // for the command that follows
    };
    using foreteller = std::function<void(const fact_to_be&)>;
    void set_foreteller(foreteller f) { foretell = std::move(f); }

    // A command to the actor of a stream, alive or not. A stream of no known kind is refused.
    void deliver(const stream_id& to, command_mail);
    void deliver(const stream_id& to, command what) { deliver(to, command_mail{std::move(what), {}, {}, {}, {}}); }
    void revive(const stream_id&);  // so that it takes up what it waited for
    bool kill(const stream_id&);    // as chaos does: at once, in the middle of whatever it did; false: it did not live

    void close();  // ends all; what they owed is answered "restarted"

    // For actors.
    void ring_at(const stream_id&, instant);
    void ring_never(const stream_id&);
    // True if the actor may go: nothing waits in its mailbox, and nobody will find it any more.
    bool put_away(const stream_id&, const caf::actor&, const std::function<bool()>& mailbox_empty);

    caf::actor_system& system;
    runtime::ledger& ledger;
    port::journal& journal;
    const port::clock& clock;
    const cloud_name own;
    performer perform;
    foreteller foretell;

  private:
    struct death {
        std::uint32_t in_a_row = 0;
        instant back{};  // when it is brought back
    };
    struct shard {
        std::mutex mutex;
        std::unordered_map<stream_id, caf::actor> living;
        std::unordered_map<stream_id, death> deaths;
    };
    shard& shard_of(const stream_id& stream) { return shards_[std::hash<stream_id>{}(stream) % shards_.size()]; }
    caf::actor living_one(shard&, const stream_id&);  // under the shard's lock
    void died(const stream_id&, const caf::error&);

    std::map<std::string, spawner, std::less<>> kinds_;
    std::array<shard, 16> shards_;
    std::atomic<bool> closing_ = false;
    timers timers_;
};

}  // namespace caravan::runtime
