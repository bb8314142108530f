// episode: one federation, one seed: so many migrations from the first submission until everything is at
// rest and was looked at.
#pragma once

#include "ops/simulate/client.hpp"
#include "ops/simulate/trace.hpp"

namespace caravan::simulate {

struct violation {
    std::string invariant;  // by name, of docs/invariants.md
    instant at{};
    std::string what, vm;
};

struct request {
    std::uint64_t seed = 1;
    std::size_t migrations = 100;
    simulate::shape shape;
    duration until = std::chrono::hours(24);  // of simulated time; then everything unended is a violation
    bool loud = false;
};

struct account {
    std::map<std::string, std::uint64_t> ends;  // migrations by end: "done", "undone: REASON", "refused: REASON"
    std::map<std::string, std::uint64_t> faults;
    std::vector<violation> violations;
    std::uint64_t steps = 0, events = 0;
    duration simulated{};
    std::string digest;  // of the whole trace, raw
};

account run(const request&);

}  // namespace caravan::simulate
