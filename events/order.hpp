// order: one act wanted of one device, and its report; the frames of the control link (port/link.hpp).
// One JSON object a frame, with a "frame" member that names its kind. All of it stays in its cloud.
#pragma once

#include <string>
#include <vector>

#include "events/describe.hpp"
#include "events/host.hpp"
#include "events/ids.hpp"
#include "events/job.hpp"
#include "events/json.hpp"
#include "events/migration.hpp"
#include "events/op.hpp"

namespace caravan {

struct van_link {  // a VAN as a device carries it
    van_name name;
    std::uint32_t vni = 0;
    std::vector<std::string> peers;  // "CLOUD=host:port" of the other sites' proxies (for proxies)
};
template <class F>
void describe(F& f, van_link& x) {
    f.field("name", x.name, "VAN");
    f.field("vni", x.vni, "VXLAN network identifier");
    f.field("peers", x.peers, "CLOUD=host:port of other sites");
}

struct route_link {  // a route as a proxy carries it
    van_name van;
    std::string mac;
    bool here = false;
    cloud_name at;
    host_name host;
    std::string host_endpoint;
    epoch run_right;
};
template <class F>
void describe(F& f, route_link& x) {
    f.field("van", x.van, "VAN");
    f.field("mac", x.mac, "MAC address");
    f.field("here", x.here, "at this site");
    f.field("at", x.at, "cloud");
    f.field("host", x.host, "host, if here");
    f.field("host_endpoint", x.host_endpoint, "VXLAN address of that host");
    f.field("run_right", x.run_right, "epoch");
}

struct order {  // controller → device
    std::uint64_t number = 0;  // of this controller's life; the report repeats it
    asking key;                // idempotency key of the effect
    act what = act::observe;
    job about;
    std::vector<van_link> vans;
    std::vector<route_link> routes;
    std::string record;  // of act::send_record
};
template <class F>
void describe(F& f, order& x) {
    f.field("number", x.number, "order number");
    f.field("key", x.key, "idempotency key");
    f.field("what", x.what, "act");
    f.field("about", x.about, "job");
    f.field("vans", x.vans, "VANs concerned");
    f.field("routes", x.routes, "routes to set");
    f.field("record", x.record, "to send to the peer");
}

struct report {  // device → controller: the end of an order
    std::uint64_t number = 0;
    step_result how;
    std::string detail;      // for the own audit log
    std::vector<job> about;  // the job, if the act completed it (own XML, markers)
};
template <class F>
void describe(F& f, report& x) {
    f.field("number", x.number, "order number");
    f.field("how", x.how, "outcome");
    f.field("detail", x.detail, "what happened");
    f.field("about", x.about, "the completed job");
}

struct seen_vm {  // device → controller: what runs, at hello and at each change
    vm_spec spec;
    bool present = true, running = false;
};
template <class F>
void describe(F& f, seen_vm& x) {
    f.field("spec", x.spec, "specification");
    f.field("present", x.present, "defined here");
    f.field("running", x.running, "running, and not an incoming copy");
}

struct agent_hello {
    host::inventory has;
    std::vector<seen_vm> vms;
    std::vector<migration_id> jobs;  // of which something is held: files, sockets, ports
};
template <class F>
void describe(F& f, agent_hello& x) {
    f.field("has", x.has, "inventory");
    f.field("vms", x.vms, "VMs seen");
    f.field("jobs", x.jobs, "migrations of which something is held");
}

struct proxy_hello {
    std::string site_endpoint, vxlan_address;
    std::vector<migration_id> jobs;
};
template <class F>
void describe(F& f, proxy_hello& x) {
    f.field("site_endpoint", x.site_endpoint, "host:port for own agents");
    f.field("vxlan_address", x.vxlan_address, "VXLAN endpoint for own hosts");
    f.field("jobs", x.jobs, "migrations whose channels are open");
}

struct progress {  // coalesced: at most 4 a second per migration
    migration_id migration;
    bytes disk_done = 0, disk_total = 0, memory_done = 0, memory_total = 0, rate = 0, dirty_rate = 0;
    duration downtime{};
};
template <class F>
void describe(F& f, progress& x) {
    f.field("migration", x.migration, "migration");
    f.field("disk_done", x.disk_done, "bytes");
    f.field("disk_total", x.disk_total, "bytes");
    f.field("memory_done", x.memory_done, "bytes");
    f.field("memory_total", x.memory_total, "bytes");
    f.field("rate", x.rate, "bytes/s");
    f.field("dirty_rate", x.dirty_rate, "bytes/s");
    f.field("downtime", x.downtime, "microseconds");
}

struct dead_adapter {  // device → controller: its actor dies again and again
    std::string name, observed;
};
template <class F>
void describe(F& f, dead_adapter& x) {
    f.field("name", x.name, "adapter");
    f.field("observed", x.observed, "how often, and of what");
}

// What a proxy tells of a channel without having been asked.
struct sighting {
    enum class kind : std::uint8_t { refused, closed, destination_ready, record } what = kind::refused;
    migration_id migration;
    std::string reason, detail;  // of refused and closed; reason is the record's bytes of record
};
inline constexpr std::array<std::string_view, 4> sighting_names = {"refused", "closed", "destination_ready",
                                                                   "record"};
constexpr const auto& names_of(sighting::kind) noexcept { return sighting_names; }
template <class F>
void describe(F& f, sighting& x) {
    f.field("what", x.what, "refused, closed, destination_ready or record");
    f.field("migration", x.migration, "migration");
    f.field("reason", x.reason, "named reason, or the record");
    f.field("detail", x.detail, "what was seen");
}

// A frame is {"frame":"order", …the struct's members in "is"}.
template <described T>
std::string frame_of(std::string_view kind, const T& x) {
    std::string text;
    json_out out(text);
    out.begin_object();
    out.key("frame");
    out.value(kind);
    out.key("is");
    out.raw(to_json(x));
    out.end_object();
    return text;
}

}  // namespace caravan
