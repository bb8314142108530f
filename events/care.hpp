// care: that a thing needs a person, and that it does so no more. Said in the stream of the thing itself; of
// an actor or an adapter that keeps dying in a stream of its own, "actor/STREAM" or "adapter/DEVICE/NAME".
// When: actors/care/need.hpp. What to do: docs/runbooks/REASON.md.
#pragma once

#include <string>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::care {

// ---- facts
struct needs_person {  // it goes on being tried, rarely: this tells, and stops nothing
    std::string reason;
    std::string observed, next;
};
struct relieved { std::string reason; };

template <class F>
void describe(F& f, needs_person& x) {
    f.field("reason", x.reason, "named reason, docs/runbooks/REASON.md");
    f.inside("observed", x.observed, "what was seen");
    f.inside("next", x.next, "command to run next");
}
template <class F>
void describe(F& f, relieved& x) { f.field("reason", x.reason, "that of needs_person"); }

// ---- commands
struct died {  // once more, too soon after the last time, and too often
    instant at{};
    std::string observed;
};
struct calm {};  // a timer: whether it still dies

using fact = std::variant<needs_person, relieved>;
using command = std::variant<died, calm>;

}  // namespace caravan::care
