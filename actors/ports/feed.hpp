// feed: what cloud A tells cloud B, the feed "A.to.B". Totally ordered, gapless from 1, hash-chained,
// at-least-once. Only A writes it, only B reads it.
//
// Publishing needs no durability of its own: every record is derived from A's journal and is published
// again, byte for byte the same, from A's cursor after a crash. The reader checks continuity.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::port {

struct feed_record {
    sequence at;              // 1, 2, 3 … without a gap
    std::string incarnation;  // 26 characters, drawn when A began the feed: a feed made anew is noticed
    std::string bytes;        // the shared bytes of one event, a CloudEvents line
    std::string link;         // 32 bytes: SHA-256(previous link ‖ SHA-256(bytes)); zero before the first
    friend bool operator==(const feed_record&, const feed_record&) = default;
};

// What reading one feed found wrong. Never skipped: the feed stops, and a person is told.
//   permanent "feed_gap"     a sequence is missing
//   permanent "feed_fork"    a record's link does not follow from what was read before
//   permanent "feed_rewound" the feed ends before what was already read, or its incarnation changed
class feed_writer {
  public:
    virtual ~feed_writer() = default;
    // Idempotent: records already there must be byte-equal (else permanent "feed_fork"). Permanent too, and nothing
    // written, if the feed was cut back or made anew behind this writer's back: it goes on from last().
    virtual result<void> publish(std::span<const feed_record> records) = 0;
    // The last record that is there now; a default one (sequence 0) if none.
    virtual result<feed_record> last() = 0;
};

class feed_reader {
  public:
    virtual ~feed_reader() = default;
    // Records after `seen` (the last record that was applied; a default one at first), in order, at
    // most `limit`; empty if there is nothing new. Does not block.
    virtual result<std::vector<feed_record>> read(const feed_record& seen, std::size_t limit) = 0;
    // `wake` is called, from any thread, when there may be something new; latency ≤ 50 ms.
    virtual void on_news(std::function<void()> wake) = 0;
};

}  // namespace caravan::port
