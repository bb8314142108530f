// sweep: many episodes, and their sum as people and programs read it.
#pragma once

#include <iosfwd>

#include "ops/simulate/shrink.hpp"

namespace caravan::simulate {

struct sweep_request {
    request first;                     // its seed is the sweep's, its migrations are the whole number
    std::size_t migrations_each = 100;  // of one episode
    bool small = true;                  // a violation is made small before it is shown
};

struct summary {
    sweep_request asked;
    account sum;  // the digest is that of all episodes' digests
    std::optional<smallest> shown;  // the first violation, at its smallest
    request last;  // the episode that was run last
    std::size_t episodes = 0;
    std::chrono::nanoseconds wall{};
};

// Episode 0 has the sweep's own seed, so that one episode of a sweep can be run again alone.
std::uint64_t seed_of(std::uint64_t first, std::size_t episode);

// Stops after the first episode with a violation, which is made small. `progress`: a line to tell, now and then; may be empty.
summary run(const sweep_request&, const std::function<void(const std::string&)>& progress);

// Which faults struck a migration at which step: cells of kind × step × direction that none has.
struct coverage {
    std::size_t cells = 0;
    std::vector<std::string> empty;
};
coverage coverage_of(const account&, const std::vector<fault_kind>&);

// The one line that runs an episode again.
std::string command_line(const request&);

void print_table(std::ostream&, const summary&);
void print_json(std::ostream&, const summary&);  // one object, one line

}  // namespace caravan::simulate
