// feed_line: a simulated feed A.to.B with a line between that delays, repeats and fails.
// Deterministic from its seed. The records outlive whoever writes or reads them.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "actors/ports/clock.hpp"
#include "actors/ports/feed.hpp"

namespace caravan::sim {

struct feed_faults {
    duration delay{};         // until a record published is there for the reader
    duration delay_spread{};  // up to this much more, as the seed says; order is kept
    double duplicate = 0;     // chance that a record is delivered twice
    bool outage = false;      // both ends answer transient "feed_unreachable"
    friend bool operator==(const feed_faults&, const feed_faults&) = default;
};

// How the line lives in simulated time.
struct feed_timing {
    std::function<instant()> now;
    // Runs something after a while; nothing is run that the line has outlived.
    std::function<void(duration, std::function<void()>)> after;
};

class feed_line {
  public:
    feed_line(std::uint64_t seed, feed_timing timing);
    ~feed_line();

    feed_faults faults;  // changed at any time; what was published keeps the delay it had

    // One of each at a time; made again after a crash of either cloud. They must not outlive the
    // line.
    std::unique_ptr<port::feed_writer> writer();
    std::unique_ptr<port::feed_reader> reader();

    port::feed_record last() const;  // that stands in it; a default one if none

    // What a hostile or restored-from-backup cloud does. The reader must name it.
    void lose(sequence at);                       // "feed_gap"
    void fork(sequence at, std::string bytes);    // another history from there: "feed_fork"
    void rewind(sequence upto);                   // cut off behind it: "feed_rewound"
    void remake(const std::string& incarnation);  // the same records as another incarnation

    struct contents;

  private:
    std::shared_ptr<contents> contents_;
};

}  // namespace caravan::sim
