// vm: the facts, commands and refusals of one VM in one cloud (stream "vm/NAME"). The run-right is
// the leave to run the VM: exactly one cloud holds it, by the highest epoch ever released or acquired.
#pragma once

#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"
#include "events/job.hpp"
#include "events/vm_spec.hpp"

namespace caravan::vm {

// ---- facts

struct discovered {  // found on a host of this cloud, known to nobody before: the run-right is ours
    vm_spec spec;
    host_name host;
    epoch run_right;
    bool running = false;
};
struct started { host_name host; };
struct stopped { host_name host; };
struct changed { vm_spec spec; };  // its specification is another now
struct vanished {};                // undefined by somebody else; the name is free again
struct strayed { host_name host; };  // seen running here though the run-right is elsewhere
struct stray_gone { host_name host; };  // and no more

struct move_begun {
    migration_id migration;
    cloud_name to;
};
struct move_abandoned {
    migration_id migration;
    std::string reason;
};
struct run_right_released {  // the pivot: from here on this cloud never runs the VM by this epoch
    migration_id migration;
    cloud_name to;
    epoch run_right;  // the epoch that the receiver may acquire
};
struct departed { migration_id migration; };  // nothing of it is left here

struct expected {  // a copy may arrive here; it may not run
    migration_id migration;
    cloud_name from;
    epoch run_right;
    vm_spec spec;
    host_name host;
};
struct unexpected { migration_id migration; };  // it will not arrive; the name is free again
struct run_right_acquired {
    migration_id migration;
    cloud_name from;
    epoch run_right;
    host_name host;
};

// The destination is lost for good, an operator decided: this cloud has it again, by a higher epoch.
struct run_right_reclaimed {
    migration_id migration;
    cloud_name from;
    epoch run_right;
};
struct run_right_lost {  // the same, as the destination hears it
    migration_id migration;
    cloud_name to;
    epoch run_right;  // theirs
};

template <class F>
void describe(F& f, discovered& x) {
    f.field("spec", x.spec, "specification");
    f.inside("host", x.host, "where it was found");
    f.field("run_right", x.run_right, "epoch");
    f.field("running", x.running, "whether it ran");
}
template <class F>
void describe(F& f, started& x) { f.inside("host", x.host, "where"); }
template <class F>
void describe(F& f, stopped& x) { f.inside("host", x.host, "where"); }
template <class F>
void describe(F& f, changed& x) { f.field("spec", x.spec, "specification"); }
template <class F>
void describe(F&, vanished&) {}
template <class F>
void describe(F& f, strayed& x) { f.inside("host", x.host, "where it runs without right"); }
template <class F>
void describe(F& f, stray_gone& x) { f.inside("host", x.host, "where it ran without right"); }
template <class F>
void describe(F& f, move_begun& x) {
    f.field("migration", x.migration, "migration");
    f.field("to", x.to, "destination cloud");
}
template <class F>
void describe(F& f, move_abandoned& x) {
    f.field("migration", x.migration, "migration");
    f.field("reason", x.reason, "why");
}
template <class F>
void describe(F& f, run_right_released& x) {
    f.field("migration", x.migration, "migration");
    f.field("to", x.to, "who may acquire it");
    f.field("run_right", x.run_right, "epoch that may be acquired");
}
template <class F>
void describe(F& f, departed& x) { f.field("migration", x.migration, "migration"); }
template <class F>
void describe(F& f, expected& x) {
    f.field("migration", x.migration, "migration");
    f.field("from", x.from, "source cloud");
    f.field("run_right", x.run_right, "epoch that will be acquired");
    f.field("spec", x.spec, "specification");
    f.inside("host", x.host, "where it will run");
}
template <class F>
void describe(F& f, unexpected& x) { f.field("migration", x.migration, "migration"); }
template <class F>
void describe(F& f, run_right_acquired& x) {
    f.field("migration", x.migration, "migration");
    f.field("from", x.from, "who released it");
    f.field("run_right", x.run_right, "epoch");
    f.inside("host", x.host, "where it runs from now on");
}

template <class F>
void describe(F& f, run_right_reclaimed& x) {
    f.field("migration", x.migration, "migration");
    f.field("from", x.from, "to whom it had been released");
    f.field("run_right", x.run_right, "epoch");
}
template <class F>
void describe(F& f, run_right_lost& x) {
    f.field("migration", x.migration, "migration");
    f.field("to", x.to, "who took it back");
    f.field("run_right", x.run_right, "their epoch");
}

// ---- commands

struct observe {  // what an agent saw
    vm_spec spec;
    host_name host;
    bool present = true;
    bool running = false;
};
struct begin_move {
    migration_id migration;
    cloud_name to;
    copy_mode mode = copy_mode::cow;
    instant deadline{};
    duration downtime_max{};
    bytes bandwidth = 0;
    std::string traceparent;
    migration_id over;  // the last one that had to do with the VM, if the asker has seen that it is over
};
struct abandon_move {
    migration_id migration;
    std::string reason;
};
struct release {  // its process is proven gone
    migration_id migration;
};
struct depart { migration_id migration; };
struct expect {
    migration_id migration;
    cloud_name from;
    epoch run_right;
    vm_spec spec;
    host_name host;
};
struct forget { migration_id migration; };
struct acquire {
    migration_id migration;
    epoch run_right;
};
struct reclaim {
    migration_id migration;
    epoch run_right;  // as it was released
};
struct forfeit {
    migration_id migration;
    epoch run_right;  // of whoever took it back
};

using fact = std::variant<discovered, started, stopped, changed, vanished, strayed, move_begun,
                          move_abandoned, run_right_released, departed, expected, unexpected,
                          run_right_acquired, stray_gone, run_right_reclaimed, run_right_lost>;
using command =
    std::variant<observe, begin_move, abandon_move, release, depart, expect, forget, acquire, reclaim, forfeit>;

}  // namespace caravan::vm
