// adversary: makes the faults of a list happen, each to a migration that is under way if there is one,
// and mends them when their time is over.
#pragma once

#include <deque>
#include <set>

#include "ops/simulate/client.hpp"
#include "ops/simulate/faults.hpp"
#include "ops/simulate/watch.hpp"

namespace caravan::simulate {

class adversary {
  public:
    // `only`: of the list, these alone happen; all do where it is not said.
    adversary(federation&, watch&, client&, dice, fault_list, std::optional<std::set<std::size_t>> only);

    void begin();
    void progressed(const migration_id&, const followed&);
    void stop();  // nothing more goes wrong, and everything is mended

    using cell = std::pair<moment, fault_kind>;
    std::map<std::string, std::uint64_t> struck;  // by kind
    std::map<cell, std::uint64_t> coverage;
    std::vector<fault> done;  // in order

  private:
    struct target {
        const fault& f;
        cloud *at, *other;    // `at`: the one that suffers
        std::size_t host = 0;  // of `at`
        migration_id id;       // empty if none is under way
        vm_name vm;
        bool at_source = true;
    };
    using deed = void (adversary::*)(const target&);
    struct row;
    static const row& row_of(fault_kind);

    void arm();
    void strike(const fault&, const migration_id* subject);
    target aim(const fault&, const migration_id* subject);
    void mend_later(const fault&, std::function<void()>);
    void kill_stream(const target&, const std::string& stream);
    static std::size_t host_of(const cloud&, const host_name&);

    void kill_vm(const target&);
    void kill_host(const target&);
    void kill_proxy(const target&);
    void kill_cloud(const target&);
    void kill_van(const target&);
    void kill_migration(const target&);
    void kill_visit(const target&);
    void kill_errand(const target&);
    void kill_agent_adapter(const target&);
    void kill_proxy_adapter(const target&);
    void end_controller(const target&);
    void end_agent(const target&);
    void end_proxy(const target&);
    void die_in_append(const target&);
    void host_power(const target&);
    void libvirtd_restart(const target&);
    void libvirtd_away(const target&);
    void qemu_dies(const target&);
    void wan_dark(const target&);
    void wan_cut(const target&);
    void wan_deaf(const target&);
    void control_cut(const target&);
    void feed_outage(const target&);
    void feed_slow(const target&);
    void feed_repeats(const target&);
    void feed_rewound(const target&);
    void disk_slow(const target&);
    void disk_full(const target&);
    void clock_jump(const target&);
    void resubmit(const target&);
    void abort(const target&);
    void forge(const target&);

    federation& f_;
    watch& watch_;
    client& client_;
    dice luck_;
    fault_list list_;
    const std::optional<std::set<std::size_t>> only_;
    std::vector<fault> waiting_;
    std::map<migration_id, moment> where_;
    std::map<cloud_name, port::feed_record> forged_;  // the last one told to each
    bool over_ = false;
};

}  // namespace caravan::simulate
