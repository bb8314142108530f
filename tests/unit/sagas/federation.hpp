// federation: two clouds without actors, threads or sockets. Journals are vectors of bytes, feeds are
// queues of bytes, and one agenda says what happens next. It does what the runtime owes the pure core:
//
//   - a decision's facts are appended together, with their bytes, and only then evolved and told;
//   - pending() is asked after each append and after recovery; an errand goes deed by deed, only as
//     long as it is pending; a device does what one migration wants of it in the order of asking;
//   - what a peer's feed says arrives in order, at least once.
//
// Everything else may go wrong: deeds fail, reports are lost, commands come twice or late, controllers
// die at any instant, feeds go dark. After `faults_end` the world heals, and all must end.
#pragma once

#include <deque>
#include <set>

#include "actors/host/state.hpp"
#include "actors/sagas/deeds.hpp"
#include "actors/sagas/state.hpp"
#include "actors/van/state.hpp"
#include "actors/visit/state.hpp"
#include "actors/vm/state.hpp"
#include "events/envelope.hpp"
#include "tests/unit/sagas/world.hpp"

namespace caravan::test {

inline const std::string guest = "vm/guest";  // the stream of the VM that moves

struct cell {
    cloud_name name;
    std::vector<event_bytes> journal;
    std::map<std::string, std::uint64_t> versions;
    std::map<std::string, vm::state> vms;  // all by stream
    std::map<std::string, migration::state> sagas;
    std::map<std::string, visit::state> visits;
    std::map<std::string, van::state> vans;
    std::map<std::string, host::state> hosts;
    std::vector<std::string> feed;  // what the peer is told, in order
    std::size_t heard = 0;          // of the peer's feed
    instant dark_until{};           // its hearing
    std::uint64_t life = 0;         // of the controller's process
    std::map<std::string, std::uint64_t> generation;        // of a stream's wakes
    std::map<std::string, std::set<std::string>> started;   // keys of errands under way, by stream
    instant devices_busy{};         // until when devices do what was ordered before
};

class federation {
  public:
    explicit federation(std::uint64_t seed);
    void migrate();                  // from where the VM is to the other cloud
    result<std::string> reclaim(bool fenced);  // by an operator, of the migration at hand
    void run();                      // until it has ended at both sides, and a while longer
    bool ended() const;
    const migration::state& saga() const { return source().sagas.at("migration/" + id); }
    const visit::state* visiting() const;
    const cell& source() const { return cells[from]; }
    const cell& destination() const { return cells[1 - from]; }
    const vm::state& vm_at(const cell& c) const { return c.vms.at(guest); }

    agenda time;
    dice luck;
    world outside;
    cell cells[2];
    std::string violation;  // the first invariant that did not hold
    std::string id;
    std::size_t commands = 0, restarts = 0;

  private:
    std::size_t from = 0;
    std::size_t count_ = 0;
    instant faults_end_{};
    migration::phase seen_ = migration::phase::absent;
    epoch highest_;

    void submit(cell&, const std::string& stream, const command&);
    template <class State, class Command>
    decision ask(cell&, std::map<std::string, State>&, const std::string& stream, const Command&);
    void append(cell&, const std::string& stream, const std::vector<said>&);
    void evolve_all(cell&, const std::string& stream, const fact&, instant at);
    void hear_soon(cell& reader);
    void hear(cell& reader);
    void dispatch(cell& reader, const event&);
    void refresh(cell&, const std::string& stream);
    effects pending_of(const cell&, const std::string& stream) const;
    void start(cell&, const std::string& stream, const errand&);
    void next_deed(cell&, const std::string& stream, const errand&, std::size_t deed, step_result sofar);
    void report(cell&, const errand&, step_result);
    result<std::string> write(cell&, const errand&, saga::entry);
    void restart(cell&);
    void misfortune();
    void check();
    void complain(const std::string& what);
    bool still_pending(const cell&, const std::string& stream, const errand&) const;
    cell& peer_of(const cell& c) { return cells[&c == &cells[0] ? 1 : 0]; }
};

std::string key_of(const asking&);

}  // namespace caravan::test
