#include "topology/view.hpp"

#include <algorithm>

#include "events/json.hpp"

namespace caravan::topology {

namespace {

template <class T>
void member(json_out& out, std::string_view key, const T& value) {
    out.key(key);
    write_json(out, value);
}
void no_value(json_out& out, std::string_view key) {
    out.key(key);
    out.raw("null");
}
void when(json_out& out, std::string_view key, instant at) {
    if (at > instant{}) member(out, key, at);
    else no_value(out, key);
}

void put_vm(json_out& out, const federation&, const vm_name& name, const vm_view& v, const view_options&) {
    out.begin_object();
    member(out, "name", name);
    member(out, "state", v.state == "released" ? std::string("moving") : v.state);
    member(out, "host", v.host);
    member(out, "uuid", v.spec.uuid);
    member(out, "memory", v.spec.memory);
    member(out, "vcpus", v.spec.vcpus);
    bytes overlay = 0, capacity = 0;
    for (const auto& d : v.spec.disks) overlay += d.overlay, capacity += d.capacity;
    member(out, "disk", capacity);
    member(out, "overlay", overlay);
    std::vector<std::string> vans, macs;
    for (const auto& n : v.spec.nics) vans.push_back(n.van.text), macs.push_back(n.mac);
    member(out, "van", vans);
    member(out, "mac", macs);
    out.key("run_right");
    out.begin_object();
    member(out, "epoch", v.run_right);
    member(out, "here", v.ours);
    out.end_object();
    if (v.migration.empty()) no_value(out, "migration");
    else member(out, "migration", v.migration);
    out.end_object();
}

void put_host(json_out& out, const federation& f, const host_name& name, const host_view& h, const view_options&) {
    bytes taken = memory_used(f, name);
    for (const auto& [id, memory] : h.reserved) taken += memory;
    std::uint64_t guests = 0;
    for (const auto& [vm, v] : f.vms) guests += v.host == name && v.state != "absent";
    out.begin_object();
    member(out, "name", name);
    member(out, "state", std::string(h.online ? "online" : "offline"));
    member(out, "memory", h.has.memory);
    member(out, "memory_free", h.has.memory - std::min(taken, h.has.memory));
    member(out, "disk_free", h.has.disk_free);
    member(out, "cpus", h.has.cpus);
    member(out, "vms", guests);
    member(out, "reservations", std::uint64_t{h.reserved.size()});
    out.end_object();
}

void put_proxy(json_out& out, const federation& f, const proxy_name& name, const proxy_view& p, const view_options&) {
    std::uint64_t channels = 0;
    for (const auto& [id, m] : f.migrations) channels += m.state == "running";
    out.begin_object();
    member(out, "name", name);
    member(out, "state", std::string(p.online ? "online" : "offline"));
    member(out, "channels", channels);
    out.end_object();
}

const standing::feed* feed_now(const cloud_name& peer, const view_options& o) {
    if (!o.now) return nullptr;
    const auto found = o.now->feeds.find(peer);
    return found == o.now->feeds.end() ? nullptr : &found->second;
}

struct condition {
    std::string state, problem, detail;
};
condition how_it_does(const federation& f, const cloud_name& name, const peer_view& p, const view_options& o) {
    const bool stopped = o.now && o.now->stopped;
    if (name == f.own) return {stopped ? "stopped" : "ready", {}, {}};
    if (!p.problem.empty()) return {"stopped", p.problem, {}};
    if (stopped) return {"unheard", o.now->stopped->reason, {}};
    if (const auto* feed = feed_now(name, o); feed && feed->hindered)
        return {"hindered", feed->hindered->reason, feed->hindered->detail};
    return {"listening", {}, {}};
}

void put_cloud(json_out& out, const federation& f, const cloud_name& name, const peer_view& p, const view_options& o) {
    out.begin_object();
    member(out, "name", name);
    member(out, "own", name == f.own);
    const auto how = how_it_does(f, name, p, o);
    member(out, "state", how.state);
    if (name == f.own) {  // it has no feed to itself
        no_value(out, "feed");
        out.end_object();
        return;
    }
    out.key("feed");
    out.begin_object();
    if (const auto* feed = feed_now(name, o)) member(out, "sent", feed->sent);
    else no_value(out, "sent");
    member(out, "heard", p.heard);
    if (how.problem.empty()) no_value(out, "problem");
    else member(out, "problem", how.problem);
    if (how.detail.empty()) no_value(out, "detail");
    else member(out, "detail", how.detail);
    out.end_object();
    out.end_object();
}

void put_van(json_out& out, const federation&, const van_name& name, const van_view& v, const view_options&) {
    out.begin_object();
    member(out, "name", name);
    member(out, "vni", v.vni);
    member(out, "ports", std::uint64_t{v.routes.size()});
    out.key("routes");
    out.begin_array();
    for (const auto& [mac, r] : v.routes) {
        out.begin_object();
        member(out, "mac", mac);
        member(out, "at", r.at);
        member(out, "host", r.host);
        member(out, "epoch", r.run_right);
        out.end_object();
    }
    out.end_array();
    out.end_object();
}

progress figures(const migration_view& m, const migration_id& id, const view_options& o) {
    progress p;
    p.disk_done = m.disk;
    p.memory_done = m.memory;
    const auto text = o.progress ? o.progress(id) : std::string();
    if (!text.empty())
        if (auto live = from_json<progress>(text)) p = *live;
    return p;
}

void put_progress(json_out& out, const migration_view& m, const progress& p) {
    const bytes done = p.disk_done + p.memory_done, total = p.disk_total + p.memory_total;
    const bool over = m.state == "done";
    out.key("progress");
    out.begin_object();
    member(out, "percent", over ? 100 : total ? std::min<bytes>(done * 100 / total, 99) : 0);
    member(out, "disk_bytes", p.disk_done);
    member(out, "memory_bytes", p.memory_done);
    member(out, "bytes_per_second", m.state == "running" ? p.rate : 0);
    if (m.state == "running" && p.rate && total > done) member(out, "eta_seconds", (total - done) / p.rate);
    else no_value(out, "eta_seconds");
    out.end_object();
}

void put_steps(json_out& out, const migration_view& m, const view_options& o) {
    out.key("steps");
    out.begin_array();
    for (std::size_t i = 0; i < m.steps.size() && i < o.step_names.size(); ++i) {
        const auto& s = m.steps[i];
        out.begin_object();
        const bool at_it = m.state == "running" && m.phase == o.step_names[i] && s.state == "waiting";
        member(out, "name", o.step_names[i]);
        member(out, "state", at_it ? std::string("running") : s.state);
        member(out, "attempts", s.attempts);
        member(out, "reason", s.reason);
        when(out, "ended", s.ended);
        out.end_object();
    }
    out.end_array();
}

void put_migration(json_out& out, const federation&, const migration_id& id, const migration_view& m,
                   const view_options& o) {
    out.begin_object();
    member(out, "id", id);
    member(out, "vm", m.what.vm.name);
    member(out, "from", m.what.from);
    member(out, "to", m.what.to);
    member(out, "state", m.state);
    member(out, "phase", m.phase);
    member(out, "reason", m.reason);
    member(out, "stuck", m.stuck);
    member(out, "mode", m.what.mode);
    put_progress(out, m, figures(m, id, o));
    when(out, "started", m.started);
    when(out, "ended", m.ended);
    member(out, "downtime_ms", std::uint64_t(m.downtime.count() / 1000));
    put_steps(out, m, o);
    out.end_object();
}

std::string page_of(const std::string& reason) { return "docs/runbooks/" + reason + ".md"; }

// A stream is KIND/NAME; a visit is a migration, to people.
void put_need(json_out& out, const std::string& stream, const need_view& need) {
    const auto slash = stream.find('/');
    const auto kind = stream.substr(0, slash);
    out.begin_object();
    member(out, "subject", (kind == "visit" ? "migration" : kind) + " " + stream.substr(slash + 1));
    member(out, "reason", need.what.reason);
    member(out, "observed", need.what.observed);
    member(out, "next", need.what.next);
    member(out, "page", page_of(need.what.reason));
    when(out, "since", need.since);
    out.end_object();
}

// The journal's own trouble cannot be on record.
void put_need(json_out& out, const failure& stopped) {
    out.begin_object();
    member(out, "subject", std::string("journal"));
    member(out, "reason", stopped.reason);
    member(out, "observed", stopped.detail + "; nothing is written or accepted");
    member(out, "next", std::string("mend it as the page says, then start the controller anew"));
    member(out, "page", page_of(stopped.reason));
    no_value(out, "since");
    out.end_object();
}

void put_status(json_out& out, const federation& f, const view_options& o) {
    std::map<std::string_view, std::uint64_t> by_state{{"running", 0}, {"done", 0}, {"undone", 0}, {"refused", 0}};
    for (const auto& [id, m] : f.migrations) ++by_state[m.state];
    std::uint64_t vms = 0;
    for (const auto& [name, v] : f.vms) vms += v.state != "absent" && v.state != "released";
    out.begin_object();
    member(out, "cloud", f.own);
    member(out, "position", f.at);
    const bool stopped = o.now && o.now->stopped;
    member(out, "ready", !stopped);
    member(out, "vms", vms);
    member(out, "hosts", std::uint64_t{f.hosts.size()});
    out.key("migrations");
    out.begin_object();
    for (const auto& [state, count] : by_state) member(out, state, count);
    out.end_object();
    out.key("needs_person");
    out.begin_array();
    if (stopped) put_need(out, *o.now->stopped);
    for (const auto& [stream, need] : f.needs) put_need(out, stream, need);
    out.end_array();
    out.key("peers");
    out.begin_array();
    for (const auto& [name, p] : f.peers) {
        out.begin_object();
        member(out, "name", name);
        member(out, "state", how_it_does(f, name, p, o).state);
        out.end_object();
    }
    out.end_array();
    out.end_object();
}

// A table of the lists: path, the map, how one of its things is written.
template <class Map, class Put>
std::optional<std::string> listed(const federation& f, const Map& map, std::string_view wanted, const view_options& o,
                                  Put put) {
    std::string text;
    json_out out(text);
    if (!wanted.empty()) {
        const auto found = map.find(typename Map::key_type(std::string(wanted)));
        if (found == map.end()) return std::nullopt;
        put(out, f, found->first, found->second, o);
        return "{\"position\":" + std::to_string(f.at.value) + "," + text.substr(1);
    }
    out.begin_object();
    member(out, "position", f.at);
    out.key("items");
    out.begin_array();
    for (const auto& [name, thing] : map) put(out, f, name, thing, o);
    out.end_array();
    out.end_object();
    return text;
}

template <class Map>
Map present(const Map& all) {
    Map some;
    for (const auto& [name, v] : all)
        if (v.state != "absent") some.emplace(name, v);
    return some;
}

std::map<cloud_name, peer_view> all_clouds(const federation& f) {
    auto all = f.peers;
    all[f.own];
    return all;
}

}  // namespace

std::optional<std::string> view(const federation& f, const std::string& path, const view_options& o) {
    const std::string_view whole = std::string_view(path).substr(path.starts_with('/') ? 1 : 0);
    const auto slash = whole.find('/');
    const auto list = whole.substr(0, slash);
    const auto one = slash == whole.npos ? std::string_view() : whole.substr(slash + 1);
    if (list == "vms") return listed(f, present(f.vms), one, o, put_vm);
    if (list == "hosts") return listed(f, f.hosts, one, o, put_host);
    if (list == "proxies") return listed(f, f.proxies, one, o, put_proxy);
    if (list == "clouds") return listed(f, all_clouds(f), one, o, put_cloud);
    if (list == "vans") return listed(f, f.vans, one, o, put_van);
    if (list == "migrations") return listed(f, f.migrations, one, o, put_migration);
    if (list == "status") {
        std::string text;
        json_out out(text);
        put_status(out, f, o);
        return text;
    }
    if (list != "state") return std::nullopt;
    std::string text = "{\"position\":" + std::to_string(f.at.value) + ",\"time\":\"" + format_instant(f.time) + "\"";
    for (const char* part : {"vms", "hosts", "proxies", "clouds", "vans", "migrations"})
        text += std::string(",\"") + part + "\":" + view(f, part, o).value_or("null");
    return text + "}";
}

}  // namespace caravan::topology
