// episode: one federation, one seed: so many migrations, whatever goes wrong on the way, from the first
// submission until everything is at rest and was looked at.
#pragma once

#include "ops/simulate/adversary.hpp"
#include "ops/simulate/trace.hpp"

namespace caravan::simulate {

struct request {
    std::uint64_t seed = 1;
    std::size_t migrations = 100;
    simulate::shape shape;
    std::vector<fault_kind> faults;   // empty: nothing goes wrong
    std::optional<std::set<std::size_t>> only;  // of the list of faults, these alone; all where it is not said
    duration until = std::chrono::hours(24);  // of simulated time; then everything unended is a violation
    std::function<void(const std::string&)> tell;  // every event and fault as it happens; may be empty
};

struct account {
    std::map<std::string, std::uint64_t> ends;  // migrations by end: "done", "undone: REASON", "refused: REASON"
    std::map<std::string, std::uint64_t> faults;
    std::map<adversary::cell, std::uint64_t> coverage;
    std::vector<fault> struck;
    std::vector<violation> violations;
    std::uint64_t steps = 0, events = 0;
    duration simulated{};
    std::string digest;  // of the whole trace, raw
};

account run(const request&);

}  // namespace caravan::simulate
