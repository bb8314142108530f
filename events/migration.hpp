// migration: the facts and commands of one migration: at its source, which runs the saga (stream
// "migration/ID"), and at its destination, which performs and answers (stream "visit/ID").
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "events/describe.hpp"
#include "events/ids.hpp"
#include "events/job.hpp"
#include "events/op.hpp"
#include "events/ticket.hpp"
#include "events/vm_spec.hpp"

namespace caravan {

// Why a step ended as it did: told between clouds, so `reason` is a name and there is no detail.
struct step_result {
    outcome ended = outcome::ok;
    std::string reason;  // empty if ok
    friend bool operator==(const step_result&, const step_result&) = default;
};
template <class F>
void describe(F& f, step_result& x) {
    f.field("ended", x.ended, "ok, transient, permanent or unknown");
    f.field("reason", x.reason, "named reason, empty if ok");
}

// One asking of one step. It is the idempotency key of all effects that the step has, anywhere.
struct asking {
    migration_id migration;
    std::uint32_t step = 0;  // index in the saga's table
    direction way = direction::forward;
    std::uint32_t attempt = 1;
    op what = op::none;
    std::uint32_t round = 0;  // how often the saga went back to an earlier step
    friend bool operator==(const asking&, const asking&) = default;
};
template <class F>
void describe(F& f, asking& x) {
    f.field("migration", x.migration, "migration");
    f.field("step", x.step, "index in the saga's table");
    f.field("way", x.way, "forward or undo");
    f.field("attempt", x.attempt, "1, 2, 3 …");
    f.field("what", x.what, "operation");
    f.field("round", x.round, "how often the saga went back to an earlier step");
}
}  // namespace caravan

namespace caravan::migration {

// ---- facts, at the source

struct requested {
    migration_id id;
    vm_spec vm;
    cloud_name from, to;
    copy_mode mode = copy_mode::cow;
    epoch run_right;  // that the destination will acquire
    instant deadline{};
    duration downtime_max{};
    bytes bandwidth = 0;
    std::string traceparent;
    host_name host;
};
struct asked {  // to the destination; the first one carries what it must know to say yes or no
    asking key;
    std::vector<requested> about;  // one element with op::reserve, else empty
};
struct admitted { signed_ticket ticket; };
struct step_done {  // at one side; a step of both sides is done when both are
    std::uint32_t step = 0;
    direction way = direction::forward;
    side at = side::source;
};
struct step_failed {
    std::uint32_t step = 0;
    direction way = direction::forward;
    side at = side::source;
    std::uint32_t attempt = 1;
    step_result why;
};
struct undoing { std::string reason; };
struct vm_kept {};     // on record in the VM's stream: the undo may begin
struct resolved {     // an outcome that nobody told, found by looking
    std::string verdict;  // follow, release, abort or wait
    std::string source, destination;
};
struct pivot_found {};  // the undo met a release on record: forward again, for good
struct abort_requested { std::string by; };
struct stuck {  // said no more: care::needs_person tells it; journals may hold it
    std::uint32_t step = 0;
    std::string reason, observed, next;
};
struct went_back {  // a try of a later step begins here: what this step had built may be gone
    std::uint32_t step = 0;
};
struct reclaimed { std::string by, why; };  // an operator took the run-right back: the destination is lost for good
struct ended {
    bool done = false;  // else undone
    bool refused = false;
    std::string reason;
    duration downtime{};
    bytes disk = 0, memory = 0;
};

template <class F>
void describe(F& f, requested& x) {
    f.field("id", x.id, "migration");
    f.field("vm", x.vm, "specification");
    f.field("from", x.from, "source cloud");
    f.field("to", x.to, "destination cloud");
    f.field("mode", x.mode, "cow or disk");
    f.field("run_right", x.run_right, "epoch the destination will acquire");
    f.field("deadline", x.deadline, "before the pivot");
    f.field("downtime_max", x.downtime_max, "microseconds, 0: default");
    f.field("bandwidth", x.bandwidth, "bytes/s, 0: no limit");
    f.field("traceparent", x.traceparent, "W3C trace context");
    f.inside("host", x.host, "source host");
}
template <class F>
void describe(F& f, asked& x) {
    f.field("key", x.key, "which step");
    f.field("about", x.about, "the request, with the first asking");
}
template <class F>
void describe(F& f, admitted& x) { f.field("ticket", x.ticket, "the destination's leave"); }
template <class F>
void describe(F& f, step_done& x) {
    f.field("step", x.step, "index in the saga's table");
    f.field("way", x.way, "forward or undo");
    f.field("at", x.at, "source or destination");
}
template <class F>
void describe(F&, pivot_found&) {}
template <class F>
void describe(F&, vm_kept&) {}
template <class F>
void describe(F& f, resolved& x) {
    f.field("verdict", x.verdict, "follow, release, abort or wait");
    f.field("source", x.source, "what was seen of the source's copy");
    f.field("destination", x.destination, "what was told of the destination's copy");
}
template <class F>
void describe(F& f, step_failed& x) {
    f.field("step", x.step, "index in the saga's table");
    f.field("way", x.way, "forward or undo");
    f.field("at", x.at, "source or destination");
    f.field("attempt", x.attempt, "1, 2, 3 …");
    f.field("why", x.why, "outcome");
}
template <class F>
void describe(F& f, undoing& x) { f.field("reason", x.reason, "why"); }
template <class F>
void describe(F& f, abort_requested& x) { f.inside("by", x.by, "who"); }
template <class F>
void describe(F& f, stuck& x) {
    f.field("step", x.step, "index in the saga's table");
    f.field("reason", x.reason, "named reason");
    f.inside("observed", x.observed, "what was seen");
    f.inside("next", x.next, "command to run next");
}
template <class F>
void describe(F& f, went_back& x) { f.field("step", x.step, "index in the saga's table"); }
template <class F>
void describe(F& f, reclaimed& x) {
    f.inside("by", x.by, "who");
    f.inside("why", x.why, "in the operator's words");
}
template <class F>
void describe(F& f, ended& x) {
    f.field("done", x.done, "done, else undone");
    f.field("refused", x.refused, "undone because the destination refused");
    f.field("reason", x.reason, "why undone");
    f.field("downtime", x.downtime, "microseconds, as the hypervisors measured");
    f.field("disk", x.disk, "bytes moved");
    f.field("memory", x.memory, "bytes moved");
}

// ---- commands, at the source
struct begin {};  // the request is on record: take the first step
struct hear_result {  // of an op performed at one side
    side at = side::source;
    asking key;
    step_result how;
    signed_ticket ticket;  // of op::reserve
};
struct copy_ready {};  // the gate saw the destination say that its copy is whole
struct note_copied {  // the hypervisor's last figures; kept with the end, no event of their own
    bytes disk = 0, memory = 0;
    duration downtime{};
};
struct retry { asking key; };  // ask the destination again
struct step_timeout { side at = side::source; asking key; };
struct abort { std::string by; };
struct reclaim {
    std::string by, why;
    bool fenced = false;  // the operator states that the destination's copy does not run, and will not
};

using fact = std::variant<requested, asked, admitted, step_done, step_failed, undoing, vm_kept,
                          resolved, pivot_found, abort_requested, stuck, ended, went_back, reclaimed>;
using command = std::variant<begin, hear_result, copy_ready, note_copied, retry, step_timeout, abort, reclaim>;

}  // namespace caravan::migration

namespace caravan::visit {

// ---- facts, at the destination

struct asked {  // heard from the source, now ours to perform and answer
    asking key;
    std::vector<migration::requested> about;
};
struct admitted {
    migration::requested request;
    signed_ticket ticket;
    host_name host;
};
struct answered {
    asking key;
    step_result how;
    signed_ticket ticket;  // of op::reserve, when ok
};
struct release_heard { epoch run_right; bool fast = false; };
struct acquired {};  // the VM runs here by its right
struct freeing { std::string reason; };
struct freed { std::string reason; };
struct settled {};  // the VM is ours, nothing more is owed
struct reclaim_heard { epoch run_right; };  // the source took it back: nothing of it may run here
struct awaiting_word { std::string reason; };  // a whole copy, no word of its release: kept, paused

template <class F>
void describe(F& f, asked& x) {
    f.field("key", x.key, "which step");
    f.field("about", x.about, "the request, with the first asking");
}
template <class F>
void describe(F&, acquired&) {}
template <class F>
void describe(F& f, admitted& x) {
    f.field("request", x.request, "what was asked");
    f.field("ticket", x.ticket, "the leave given");
    f.inside("host", x.host, "where it will run");
}
template <class F>
void describe(F& f, answered& x) {
    f.field("key", x.key, "which step");
    f.field("how", x.how, "outcome");
    f.field("ticket", x.ticket, "the leave, with op reserve");
}
template <class F>
void describe(F& f, release_heard& x) {
    f.field("run_right", x.run_right, "epoch that may be acquired");
    f.field("fast", x.fast, "over the open channel rather than the feed");
}
template <class F>
void describe(F& f, freeing& x) { f.field("reason", x.reason, "why"); }
template <class F>
void describe(F& f, freed& x) { f.field("reason", x.reason, "why"); }
template <class F>
void describe(F&, settled&) {}
template <class F>
void describe(F& f, reclaim_heard& x) { f.field("run_right", x.run_right, "the source's, higher than ours"); }
template <class F>
void describe(F& f, awaiting_word& x) { f.field("reason", x.reason, "why"); }

// ---- commands
struct ask { asking key; std::vector<migration::requested> about; };
struct hear_result {
    asking key;
    step_result how;
    host_name host;        // of op::reserve, when ok
    signed_ticket ticket;  // likewise
};
struct hear_release { epoch run_right; bool fast = false; };
struct hear_reclaim { epoch run_right; };
struct deadline_passed {};

using fact = std::variant<asked, admitted, answered, release_heard, acquired, freeing, freed, settled,
                          awaiting_word, reclaim_heard>;
using command = std::variant<ask, hear_result, hear_release, hear_reclaim, deadline_passed>;

}  // namespace caravan::visit
