// faults: what goes wrong in a simulation. All of it is drawn from the seed before it happens, one entry
// after another, and no entry depends on others being there: a run can be repeated without some of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/op.hpp"
#include "ops/simulate/dice.hpp"

namespace caravan::simulate {

enum class fault_kind : std::uint8_t {
    // actors of a controller, by their stream
    kill_vm, kill_host, kill_proxy, kill_cloud, kill_van, kill_migration, kill_visit,
    kill_errand,         // whoever performs a step
    kill_agent_adapter,  // an actor in front of an adapter
    kill_proxy_adapter,
    // processes; they are started again
    end_controller, end_agent, end_proxy,
    die_in_append,  // the controller, in the middle of a write: its batch is there or not at all
    // machines and what runs on them
    host_power, libvirtd_restart, libvirtd_away, qemu_source, qemu_destination,
    // wires
    wan_dark, wan_cut, wan_deaf, control_cut, feed_outage, feed_slow, feed_repeats,
    feed_rewound,  // its newest records are gone, or all of them; its cloud's operator takes it up again
    // disks and clocks
    disk_slow, disk_full, clock_jump,
    // clients
    resubmit, abort,
    // a cloud that lies
    forge,
};
struct fault_row {
    fault_kind kind;
    std::string_view name;
    duration least, most;  // how long it lasts; 0: an instant
    bool at_a_step;        // strikes one migration: its steps are what coverage counts
};
const std::vector<fault_row>& fault_table();
std::string_view name_of(fault_kind);
// "all", "none", or names with commas between; on failure the word that is no name.
struct kinds_parsed {
    std::vector<fault_kind> kinds;
    std::string unknown;
};
kinds_parsed parse_kinds(const std::string&);
std::string in_words(const std::vector<fault_kind>&);  // as parse_kinds reads it

// When a migration gets to a step, forwards or backwards.
struct moment {
    std::uint32_t step = 0;
    direction way = direction::forward;
    auto operator<=>(const moment&) const = default;
};

struct fault {
    std::size_t number = 0;  // in the list
    fault_kind kind{};
    duration at{};                // from when on
    std::optional<moment> when;   // it waits for a migration to get there; none: strikes at once
    duration later{};             // and then so long
    duration lasts{};
    std::uint64_t choice = 0;     // which cloud, host …: taken modulo what there is
};
std::string in_words(const fault&);
std::string in_words(const moment&);
const std::vector<moment>& moments();  // all there are

// The list of a seed, without end: entry by entry.
class fault_list {
  public:
    fault_list(dice luck, std::vector<fault_kind> kinds, duration mean_gap)
        : luck_(luck), kinds_(std::move(kinds)), gap_(mean_gap) {}
    fault next();

  private:
    dice luck_;
    const std::vector<fault_kind> kinds_;
    const duration gap_;
    std::size_t count_ = 0;
    duration at_{};
};

}  // namespace caravan::simulate
