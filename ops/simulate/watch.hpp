// watch: holds every change of the world and every durable event against the invariants, at the instant
// it happens. It believes the world and what is on disk, never a cloud's own view; what a cloud shows is
// compared with both when all is at rest.
#pragma once

#include <functional>
#include <set>
#include <span>

#include "actors/sagas/state.hpp"
#include "ops/simulate/federation.hpp"
#include "ops/simulate/invariants.hpp"

namespace caravan::simulate {

struct wish;

struct violation {
    std::string invariant;  // its name
    instant at{};
    std::string what, vm;
};

// A migration as its source's journal tells it.
struct followed {
    migration::state saga;
    vm_name vm;
    cloud_name from, to;
    bool ended = false;
    host_name guest_host;    // where it will run
    bool guest_open = false;   // at the destination: admitted, and neither freed nor settled
};

class watch final : public history, public sim::witness {
  public:
    using violated = std::function<void(violation)>;
    using moved_on = std::function<void(const migration_id&, const followed&)>;
    watch(agenda& time, violated tell) : time_(time), tell_(std::move(tell)) {}

    void begin(federation&);
    // Told whenever a migration is at another step, goes the other way, or ends.
    void on_progress(moved_on told) { progress_ = std::move(told); }

    void written(const cloud_name&, const port::entry&) override;
    void published(const cloud_name& from, const cloud_name& to, const port::feed_record&) override;
    void route_replaced(const cloud_name& at, const port::route& before, const port::route& now) override;
    void copy_changed(const vm_name&, const sim::place&, port::run_state, bool whole) override;
    void copy_flows(const job&, const sim::place& from, const sim::place& to) override;
    void announced(const sim::announcement&) override;
    void record_sent(const migration_id&, const std::string& bytes) override;

    const std::map<migration_id, followed>& open() const { return open_; }
    bool all_ended() const { return open_.empty(); }
    std::map<std::string, std::uint64_t> ends;
    std::uint64_t events = 0;
    std::function<void(const std::string&)> note = [](const std::string&) {};  // for those who read along

    // Everything that can be seen only when all is at rest.
    void look_at_rest(std::span<const wish> wishes);

  private:
    struct copy {
        port::run_state state = port::run_state::absent;
        bool whole = false;
    };
    struct guest {
        std::map<sim::place, copy> copies;
        std::map<cloud_name, epoch> held;  // by whom, of which epoch
        epoch highest;
    };
    struct heard_upto {
        sequence at;
        std::string incarnation;
    };
    using line = std::pair<cloud_name, cloud_name>;  // from, to

    void fact_of(const cloud_name&, const event&, const vm::fact&);
    void fact_of(const cloud_name&, const event&, const migration::fact&);
    void fact_of(const cloud_name&, const event&, const visit::fact&);
    void fact_of(const cloud_name&, const event&, const caravan::cloud::fact&);
    void closed(const migration_id&);
    void violate(invariant, std::string what, const vm_name& = {});
    void runs_by_right(const vm_name&, const cloud_name&);
    void look_at(cloud&, std::span<const wish>);
    void look_at_routes(cloud&);

    agenda& time_;
    const violated tell_;
    moved_on progress_;
    federation* all_ = nullptr;
    std::map<vm_name, guest> guests_;
    std::map<std::string, vm_name> by_mac_;
    std::map<migration_id, followed> open_;
    std::set<migration_id> ever_;  // that a source ever began
    std::map<line, heard_upto> heard_;
    std::map<std::pair<line, std::string>, std::vector<std::string>> links_;  // by incarnation
    std::map<std::string, sim::place> last_announcer_;
};

}  // namespace caravan::simulate
