// cloud: the facts and commands about one peer cloud (stream "cloud/PEER"): what it told us, in order,
// once, and whether its feed can be believed.
#pragma once

#include <string>
#include <vector>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::cloud {

// ---- facts
struct heard {  // one record of the feed PEER.to.US, applied exactly once: versions of this stream grow with it
    sequence at;
    std::string incarnation;
    std::string link;   // of the feed's chain, hex
    std::string event;  // the peer's CloudEvents line, as it came
};
struct feed_stopped {  // gap, fork or rewind: nothing of it is applied until a person decides
    sequence after;
    std::string reason;
    std::string detail;
};
struct feed_resumed {
    sequence after;
    bool anew = false;  // read from its first record: the peer made it anew
};

template <class F>
void describe(F& f, heard& x) {
    f.field("at", x.at, "sequence in the feed");
    f.field("incarnation", x.incarnation, "of the feed");
    f.field("link", x.link, "chain link of the feed, hex");
    f.field("event", x.event, "the event, as it came");
}
template <class F>
void describe(F& f, feed_stopped& x) {
    f.field("after", x.after, "last sequence applied");
    f.field("reason", x.reason, "feed_gap, feed_fork or feed_rewound");
    f.inside("detail", x.detail, "what was seen");
}
template <class F>
void describe(F& f, feed_resumed& x) {
    f.field("after", x.after, "last sequence applied");
    f.field("anew", x.anew, "whether it is read from its first record, as of another incarnation");
}

// ---- commands
struct hear { std::vector<heard> records; };  // in order
struct stop_feed { std::string reason, detail; };
struct resume_feed {
    bool anew = false;  // what the feed was before is over: its records count from 1 again
};

using fact = std::variant<heard, feed_stopped, feed_resumed>;
using command = std::variant<hear, stop_feed, resume_feed>;

}  // namespace caravan::cloud
