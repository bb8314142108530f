// strikes: whatever can die dies, at random: actors of things, sagas and visits, errands, adapters, control
// links, feeds. Drawn from one seed; which instant each meets is the machine's.
#pragma once

#include <deque>
#include <mutex>
#include <random>
#include <set>

#include "tests/sim/federation.hpp"

namespace caravan::testing {

class strikes {
  public:
    strikes(federation&, std::uint32_t vms, std::uint64_t seed);

    // Of the migrations under way, who are struck rather than those that are over.
    void begun(const migration_id&);
    void ended(const migration_id&);

    void one();         // one deed, whatever comes up
    void cut_a_copy();  // costs a migration its copy: rare
    void heal();        // all links and feeds
    std::size_t pick(std::size_t below) { return random_() % below; }
    std::size_t killed() const { return killed_; }  // actors that lived when they were struck

  private:
    using deed = void (strikes::*)(whole_cloud&);
    void kill(whole_cloud&, const std::string& stream);
    void kill_of_migration(whole_cloud&, const char* kind);
    void kill_saga(whole_cloud& c) { kill_of_migration(c, "migration/"); }
    void kill_visit(whole_cloud& c) { kill_of_migration(c, "visit/"); }
    void kill_vm(whole_cloud&);
    void kill_thing(whole_cloud&);
    void kill_errand(whole_cloud&);
    void kill_adapter(whole_cloud&);
    void cut_link(whole_cloud&);
    void heal_links(whole_cloud&);
    void toggle_feed(whole_cloud& c) { c.feed_outage = !c.feed_outage; }
    void remember_errands(whole_cloud&);

    federation& f_;
    const std::uint32_t vms_;
    std::mt19937_64 random_;
    std::set<migration_id> under_way_;
    std::size_t killed_ = 0;
    std::mutex mutex_;
    std::deque<caf::weak_actor_ptr> errands_;
};

}  // namespace caravan::testing
