// shrink: the least of a run that still shows a violation: without the faults that have no part in it,
// with fewer VMs and migrations; and its last events as a person can read them.
#pragma once

#include "ops/simulate/episode.hpp"

namespace caravan::simulate {

struct smallest {
    request what;
    violation seen;
    std::vector<fault> faults;       // those that are left
    std::vector<std::string> lines;  // the last events and faults that have to do with it
    std::size_t runs = 0;            // that were needed to find it
};

// `found` is what run(first) showed. `runs_max`: no more runs than that.
smallest shrink(const request& first, const account& found, std::size_t runs_max = 150);

}  // namespace caravan::simulate
