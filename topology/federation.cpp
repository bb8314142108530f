#include "topology/federation.hpp"

#include "events/chain.hpp"

namespace caravan::topology {

namespace {

template <class... V>
struct overloaded : V... {
    using V::operator()...;
};
template <class... V>
overloaded(V...) -> overloaded<V...>;

std::string subject(const event& e) { return std::string(subject_of(e.stream)); }

void fold_vm(federation& f, const event& e, const vm::fact& what) {
    auto& v = f.vms[vm_name(subject(e))];
    const auto set = [&](const char* state, bool ours) {
        v.state = state;
        v.ours = ours;
    };
    std::visit(overloaded{
        [&](const vm::discovered& x) {
            v = {};
            v.spec = x.spec;
            v.host = x.host;
            v.run_right = x.run_right;
            set(x.running ? "running" : "stopped", true);
        },
        [&](const vm::started& x) { v.host = x.host; set("running", true); },
        [&](const vm::stopped& x) { v.host = x.host; set("stopped", true); },
        [&](const vm::changed& x) { v.spec = x.spec; },
        [&](const vm::vanished&) { set("absent", false); },
        [&](const vm::strayed&) { v.strayed = true; },
        [&](const vm::stray_gone&) { v.strayed = false; },
        [&](const vm::move_begun& x) { v.migration = v.last = x.migration; set("moving", true); },
        [&](const vm::move_abandoned&) { set("running", true); },
        [&](const vm::run_right_released& x) { v.run_right = x.run_right; set("released", false); },
        [&](const vm::departed&) { v.host = {}; set("absent", false); },
        [&](const vm::expected& x) {
            v.spec = x.spec;
            v.host = x.host;
            v.migration = v.last = x.migration;
            v.strayed = false;
            set("arriving", false);
        },
        [&](const vm::unexpected&) { v.host = {}; v.migration = {}; set("absent", false); },
        [&](const vm::run_right_acquired& x) {
            v.run_right = x.run_right;
            v.host = x.host;
            set("running", true);
        },
        [&](const vm::run_right_reclaimed& x) {
            v.run_right = x.run_right;
            set("stopped", true);
        },
        [&](const vm::run_right_lost& x) {
            v.run_right = x.run_right;
            v.host = {};
            v.migration = {};
            set("absent", false);
        },
    }, what);
}

void fold_host(federation& f, const event& e, const host::fact& what) {
    auto& h = f.hosts[host_name(subject(e))];
    std::visit(overloaded{
        [&](const host::came_online& x) { h.has = x.has; h.online = true; },
        [&](const host::went_offline&) { h.online = false; h.gone = e.time; },
        [&](const host::reserved& x) { h.reserved[x.migration] = x.memory; },
        [&](const host::reservation_released& x) { h.reserved.erase(x.migration); },
    }, what);
}

void fold_proxy(federation& f, const event& e, const proxy::fact& what) {
    auto& p = f.proxies[proxy_name(subject(e))];
    std::visit(overloaded{
        [&](const proxy::came_online& x) { p = {x.site_endpoint, x.vxlan_address, true}; },
        [&](const proxy::went_offline&) { p.online = false; },
        [](const auto&) {},
    }, what);
}

void fold_cloud(federation& f, const event& e, const cloud::fact& what) {
    auto& p = f.peers[cloud_name(subject(e))];
    std::visit(overloaded{
        [&](const cloud::heard& x) { p.heard = x.at; },
        [&](const cloud::feed_stopped& x) { p.problem = x.reason; },
        [&](const cloud::feed_resumed&) { p.problem.clear(); },
    }, what);
}

void fold_van(federation& f, const event& e, const van::fact& what) {
    const van_name name(subject(e));
    std::visit(overloaded{
        [&](const van::created& x) { f.vans[name].vni = x.vni; },
        [&](const van::deleted&) { f.vans.erase(name); },
        [&](const van::route_moved& x) { f.vans[name].routes[x.mac] = {x.at, x.host, x.run_right}; },
        [&](const van::route_dropped& x) { f.vans[name].routes.erase(x.mac); },
    }, what);
}

migration_view& begun(federation& f, const migration::requested& what, const event& e, bool source,
                      const std::vector<std::string>& step_names) {
    auto& m = f.migrations[what.id];
    if (!m.steps.empty()) return m;
    m.what = what;
    std::string().swap(m.what.vm.neutral_xml);  // kilobytes that no view shows
    m.here_is_source = source;
    m.started = e.time;
    m.steps.resize(step_names.size());
    m.phase = step_names.empty() ? "" : step_names.front();
    return m;
}

// It has no hand on its VM any more.
void let_go(federation& f, const migration_view& m, const migration_id& id) {
    const auto vm = f.vms.find(m.what.vm.name);
    if (vm != f.vms.end() && vm->second.migration == id) vm->second.migration = {};
}

void fold_step(migration_view& m, const migration::step_done& x, const event& e,
               const std::vector<std::string>& step_names) {
    if (x.step >= m.steps.size()) return;
    auto& step = m.steps[x.step];
    step.state = x.way == direction::forward ? "done" : "undone";
    step.ended = e.time;
    if (x.way == direction::forward && x.step + 1 < step_names.size()) m.phase = step_names[x.step + 1];
    else if (x.step < step_names.size()) m.phase = step_names[x.step];
}

void fold_migration(federation& f, const event& e, const migration::fact& what,
                    const std::vector<std::string>& step_names) {
    if (const auto* x = std::get_if<migration::requested>(&what)) {
        begun(f, *x, e, true, step_names);
        return;
    }
    const auto found = f.migrations.find(migration_id(subject(e)));
    if (found == f.migrations.end()) return;
    auto& m = found->second;
    std::visit(overloaded{
        [&](const migration::step_done& x) { fold_step(m, x, e, step_names); },
        [&](const migration::step_failed& x) {
            if (x.step >= m.steps.size()) return;
            m.steps[x.step].state = "failed";
            m.steps[x.step].attempts = x.attempt;
            m.steps[x.step].reason = x.why.reason;
        },
        [&](const migration::undoing& x) { m.reason = x.reason; },
        [&](const migration::went_back& x) {
            if (x.step >= m.steps.size()) return;
            m.phase = step_names[x.step];
            for (auto i = m.steps.begin() + x.step; i != m.steps.end(); ++i) {
                i->state = "waiting";
                i->ended = {};
            }
        },
        [&](const migration::pivot_found&) { m.reason.clear(); },
        [&](const migration::ended& x) {
            m.state = x.done ? "done" : x.refused ? "refused" : "undone";
            m.reason = x.reason;
            m.ended = e.time;
            m.downtime = x.downtime;
            m.disk = x.disk;
            m.memory = x.memory;
            let_go(f, m, found->first);
        },
        [](const auto&) {},
    }, what);
}

// What the source did by itself is told to nobody: it follows from what is asked next. Forward, the steps
// before are done; in an undo, those behind it are undone.
void infer_steps(migration_view& m, std::size_t at, direction way, instant when) {
    const bool forward = way == direction::forward;
    for (std::size_t i = forward ? 0 : at + 1; i < (forward ? at : m.steps.size()); ++i) {
        auto& step = m.steps[i];
        const bool passed = forward ? step.state == "waiting" : step.state == "done";
        if (!passed) continue;
        step.state = forward ? "done" : "undone";
        step.ended = when;
    }
}

void fold_visit(federation& f, const event& e, const visit::fact& what,
                const std::vector<std::string>& step_names) {
    if (const auto* x = std::get_if<visit::asked>(&what)) {
        if (!x->about.empty()) begun(f, x->about.front(), e, false, step_names);
    }
    const auto found = f.migrations.find(migration_id(subject(e)));
    if (found == f.migrations.end() || found->second.here_is_source) return;
    auto& m = found->second;
    std::visit(overloaded{
        [&](const visit::asked& x) {
            if (x.key.step >= step_names.size()) return;
            m.phase = step_names[x.key.step];
            infer_steps(m, x.key.step, x.key.way, e.time);
        },
        [&](const visit::answered& x) {
            if (x.key.step >= m.steps.size()) return;
            auto& step = m.steps[x.key.step];
            const bool ok = x.how.ended == outcome::ok;
            step.state = !ok ? "failed" : x.key.way == direction::forward ? "done" : "undone";
            step.attempts = x.key.attempt;
            step.reason = x.how.reason;
            step.ended = e.time;
        },
        [&](const visit::acquired&) { let_go(f, m, found->first); },
        [&](const visit::freeing& x) { m.reason = x.reason; },
        [&](const visit::reclaim_heard&) { m.reason = "reclaimed"; },
        [&](const visit::freed& x) {
            m.state = "undone";
            m.reason = x.reason;
            m.ended = e.time;
            infer_steps(m, 0, direction::undo, e.time);
        },
        [&](const visit::settled&) { m.state = "done"; m.ended = e.time; },
        [](const auto&) {},
    }, what);
}

void fold_care(federation& f, const event& e, const care::fact& what) {
    const auto* need = std::get_if<care::needs_person>(&what);
    if (need) f.needs[e.stream.text] = {*need, e.time};
    else f.needs.erase(e.stream.text);
    if (e.stream.text.starts_with("migration/") || e.stream.text.starts_with("visit/"))
        if (const auto m = f.migrations.find(migration_id(subject(e))); m != f.migrations.end())
            m->second.stuck = need ? need->reason : std::string();
}

}  // namespace

void fold(federation& f, const event& e, const std::vector<std::string>& step_names) {
    f.at = e.at;
    f.time = e.time;
    std::visit(overloaded{
        [&](const vm::fact& x) { fold_vm(f, e, x); },
        [&](const host::fact& x) { fold_host(f, e, x); },
        [&](const proxy::fact& x) { fold_proxy(f, e, x); },
        [&](const cloud::fact& x) { fold_cloud(f, e, x); },
        [&](const van::fact& x) { fold_van(f, e, x); },
        [&](const migration::fact& x) { fold_migration(f, e, x, step_names); },
        [&](const visit::fact& x) { fold_visit(f, e, x, step_names); },
        [&](const care::fact& x) { fold_care(f, e, x); },
        [](const submission::fact&) {},
    }, e.what);
}

std::uint32_t vni_of(const van_name& name) {
    const auto digest = chain::sha256(name.text);
    std::uint32_t vni = 0;
    for (int i = 0; i < 3; ++i) vni = vni << 8 | static_cast<unsigned char>(digest[static_cast<std::size_t>(i)]);
    return vni == 0 ? 1 : vni;
}

}  // namespace caravan::topology
