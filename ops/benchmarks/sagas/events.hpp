// Events through actor, chain and journal: routes of many VANs move, each acknowledged when
// durable.
#pragma once

#include <string>

namespace caravan::bench {

struct event_figures {
    double events = 0;      // a second
    double mean_group = 0;  // events of one commit
    double raw_sqlite = 0;  // events a second in flat groups of as many, in the same run
};
event_figures measure_events(const std::string& folder, std::size_t in_flight, double seconds);

}  // namespace caravan::bench
