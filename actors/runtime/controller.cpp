#include "actors/runtime/controller.hpp"

#include <cstring>
#include <random>

#include "actors/runtime/feeds.hpp"
#include "actors/runtime/kinds.hpp"
#include "actors/sagas/move_vm.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

std::vector<std::string> step_names() {
    std::vector<std::string> names;
    for (const auto& s : saga::move_vm) names.emplace_back(s.name);
    return names;
}

namespace {

std::string system_random(std::size_t size) {
    thread_local std::random_device source;
    std::string all(size, '\0');
    for (std::size_t at = 0; at < size; at += sizeof(std::uint32_t)) {
        const std::uint32_t word = source();
        std::memcpy(all.data() + at, &word, std::min(sizeof word, size - at));
    }
    return all;
}

controller_ports complete(controller_ports given) {
    if (!given.random) given.random = system_random;
    return given;
}

// Orders of an earlier life of this controller have other numbers.
std::uint64_t first_order(const controller_ports& ports) {
    std::uint64_t life = 0;
    for (const char c : ports.random(4)) life = life << 8 | static_cast<unsigned char>(c);
    return (life & 0x7fffffffu) << 32;
}

}  // namespace

controller::controller(caf::actor_system& system, cloud_name name, controller_ports given)
    : ports(complete(std::move(given))), own(std::move(name)),
      ledger_(*ports.loops, *ports.journal, *ports.clock, own, ports.random), next_order_(first_order(ports)),
      shell_(system, *ports.loops, ledger_, *ports.journal, *ports.clock, own) {
    view_.own = own;
    const std::pair<const char*, shell::spawner> kinds[] = {
        {"vm", spawn_vm},   {"host", spawn_host},           {"proxy", spawn_proxy}, {"cloud", spawn_cloud},
        {"van", spawn_van}, {"migration", spawn_migration}, {"visit", spawn_visit},
        {"actor", spawn_care}, {"adapter", spawn_care}};
    for (const auto& [prefix, spawn] : kinds) shell_.add_kind(prefix, spawn);
    shell_.set_performer([this](shell&, const stream_id& stream, const errand& what) {
        return spawn_errand(*this, stream, what);
    });
    desk_ = make_desk(*this);
}

controller::~controller() {
    close();
    shell_.system.await_all_actors_done();
    ledger_.stop();
}

void controller::close() {
    if (feeds_) feeds_->stop();
    {
        const std::lock_guard lock(devices_mutex_);
        closing_ = true;
        for (auto& [who, actor] : devices_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
        devices_.clear();
    }
    shell_.close();
}

result<void> controller::start() {
    started_ = ports.clock->now();
    const auto names = step_names();
    for (const auto& p : ports.peers) view_.peers[p.cloud];
    std::optional<failure> bad;
    auto read = ports.journal->read({}, SIZE_MAX, [&](const port::entry& e) {
        auto known = decode(e.bytes, e.inside);
        if (!known) {
            bad = known.error();
            bad->detail = "position " + std::to_string(e.at.value) + ": " + bad->detail;
            return false;
        }
        known->at = e.at;
        topology::fold(view_, *known, names);
        return true;
    });
    if (!read) return read;
    if (bad) return tl::unexpected(*bad);
    feeds_ = std::make_unique<feeds>(*this);
    if (auto right = feeds_->check(); !right) return right;
    // Nobody is connected yet, whatever the books say.
    const auto before = view_;
    ledger_.observe([this](std::span<const committed> all) { watch(all); });
    ledger_.start();
    shell_.set_foreteller([this](const shell::fact_to_be& f) { feeds_->foretold(f); });
    feeds_->start();
    for (const auto& [name, h] : before.hosts)
        if (h.online) shell_.deliver(stream_id("host/" + name.text), command(host::command(host::lose{})));
    for (const auto& [name, p] : before.proxies)
        if (p.online) shell_.deliver(stream_id("proxy/" + name.text), command(proxy::command(proxy::lose{})));
    // Told after the VM's own fact, so a crash may have come between.
    for (const auto& [name, v] : before.vms)
        if (v.ours && v.state == "running") place_addresses(v);
    revive_unfinished();
    return {};
}

void controller::give_up(failure why) {
    if (!ledger_.give_up(why)) return;
    if (ports.log) ports.log(why.reason + " " + why.detail + "; nothing is written or accepted until that is mended and the controller started anew");
}

void controller::revive_unfinished() {
    std::vector<stream_id> unfinished;
    with_view([&](const topology::federation& f) {
        for (const auto& [id, m] : f.migrations)
            if (m.state == "running")
                unfinished.emplace_back((m.here_is_source ? "migration/" : "visit/") + id.text);
        for (const auto& [stream, need] : f.needs)
            if (stream.starts_with("actor/") || stream.starts_with("adapter/")) unfinished.emplace_back(stream);
    });
    if (planted(bug::timers_lost_over_restart)) return;
    for (const auto& stream : unfinished) shell_.revive(stream);
}

void controller::watch(std::span<const committed> all) {
    {
        const std::unique_lock lock(view_mutex_);
        static const auto names = step_names();
        for (const auto& one : all)
            if (!planted(bug::view_forgets) || !std::holds_alternative<host::fact>(one.what.what))
                topology::fold(view_, one.what, names);
    }
    if (feeds_) feeds_->told(all);
    if (tell_events_) tell_events_(all);
    for (const auto& one : all) react(one);
}

// What follows from a fact without anybody having to ask: addresses of VMs that were found, devices
// that must know of networks.
void controller::react(const committed& one) {
    const std::string subject(subject_of(one.what.stream));
    if (const auto* v = std::get_if<vm::fact>(&one.what.what)) {
        const bool there = std::holds_alternative<vm::discovered>(*v) || std::holds_alternative<vm::started>(*v) ||
                           std::holds_alternative<vm::changed>(*v);
        if (there || std::holds_alternative<vm::vanished>(*v)) {
            topology::vm_view seen;
            with_view([&](const auto& f) { seen = f.vms.at(vm_name(subject)); });
            there ? place_addresses(seen) : drop_addresses(seen);
        }
    }
    if (const auto* v = std::get_if<van::fact>(&one.what.what)) {
        if (const auto* moved = std::get_if<van::route_moved>(v)) refresh_route(van_name(subject), *moved);
        else if (const auto* dropped = std::get_if<van::route_dropped>(v)) forget_route(van_name(subject), *dropped);
        else refresh_networks();
    }
    if (const auto* m = std::get_if<migration::fact>(&one.what.what))
        if (std::holds_alternative<migration::ended>(*m)) {
            const std::unique_lock lock(view_mutex_);
            progress_.erase(migration_id(std::string(subject_of(one.what.stream))));
        }
}

void controller::place_addresses(const topology::vm_view& v) {
    for (const auto& nic : v.spec.nics) {
        if (nic.van.empty()) continue;
        const stream_id to("van/" + nic.van.text);
        shell_.deliver(to, command(van::command(van::create{topology::vni_of(nic.van), own})));
        shell_.deliver(to, command(van::command(van::move_route{nic.mac, own, v.host, v.run_right})));
    }
}

void controller::drop_addresses(const topology::vm_view& v) {
    for (const auto& nic : v.spec.nics)
        if (!nic.van.empty())
            shell_.deliver(stream_id("van/" + nic.van.text), command(van::command(van::drop_route{nic.mac, v.run_right})));
}

port::desk& controller::desk() { return *desk_; }

void controller::with_view(const std::function<void(const topology::federation&)>& look) const {
    const std::shared_lock lock(view_mutex_);
    look(view_);
}

const peer_config* controller::peer(const cloud_name& name) const {
    for (const auto& p : ports.peers)
        if (p.cloud == name) return &p;
    return nullptr;
}

instant controller::lately() const {
    constexpr auto absence_max = std::chrono::seconds(10);
    const auto since = ports.clock->now() - absence_max;
    return since < started_ ? instant{} : since;  // who has just started has heard of nobody yet
}

void controller::note_progress(const progress& p) {
    {
        const std::unique_lock lock(view_mutex_);
        progress_[p.migration] = to_json(p);
    }
    if (tell_progress_) tell_progress_(p);
}


topology::standing controller::standing() const {
    topology::standing now;
    now.stopped = ledger_.failed();
    if (feeds_)
        for (const auto& p : ports.peers) now.feeds[p.cloud] = feeds_->standing(p.cloud);
    return now;
}

std::vector<van_link> controller::vans_of(const vm_spec& spec) const {
    std::vector<std::string> peers;
    for (const auto& p : ports.peers) peers.push_back(p.cloud.text + "=" + p.van_endpoint);
    std::vector<van_link> all;
    for (const auto& nic : spec.nics)
        if (!nic.van.empty()) all.push_back({nic.van, topology::vni_of(nic.van), peers});
    return all;
}

// At the destination the VM's addresses are here, at the source they are at the peer.
std::vector<route_link> controller::routes_of(const job& j) const {
    std::vector<route_link> all;
    const bool here = j.here == side::destination;
    std::string endpoint;
    with_view([&](const auto& f) {
        if (const auto h = f.hosts.find(j.host); h != f.hosts.end()) endpoint = h->second.has.vxlan_address;
    });
    for (const auto& nic : j.vm.nics) {
        if (nic.van.empty()) continue;
        route_link r{nic.van, nic.mac, here, here ? own : j.peer, {}, {}, j.run_right};
        if (here) {
            r.host = j.host;
            r.host_endpoint = endpoint;
        }
        all.push_back(std::move(r));
    }
    return all;
}

std::vector<port::device> controller::online_devices() const {
    const std::lock_guard lock(devices_mutex_);
    std::vector<port::device> all;
    for (const auto& [who, online] : online_)
        if (online) all.push_back(who);
    return all;
}

// One address moved: with hundreds in a network the others are not told again.
void controller::refresh_route(const van_name& name, const van::route_moved& moved) {
    route_link link{name, moved.mac, moved.at == own, moved.at, moved.host, {}, moved.run_right};
    with_view([&](const topology::federation& f) {
        if (const auto h = f.hosts.find(moved.host); h != f.hosts.end()) link.host_endpoint = h->second.has.vxlan_address;
    });
    order o;
    o.what = act::set_routes;
    o.key.attempt = 0;
    o.routes.push_back(std::move(link));
    order_proxies(o);
}

void controller::forget_route(const van_name& name, const van::route_dropped& dropped) {
    order o;
    o.what = act::drop_routes;
    o.key.attempt = 0;
    o.routes.push_back({name, dropped.mac, false, {}, {}, {}, dropped.run_right});
    order_proxies(o);
}

void controller::order_proxies(const order& what) {
    for (const auto& who : online_devices())
        if (who.kind == port::device_kind::proxy) order_device(who, what, {});
}

// One at a time: of two, the later in the devices' lines is the one that looked later.
void controller::refresh_networks() {
    const std::lock_guard one_at_a_time(refresh_mutex_);
    std::vector<van_link> vans;
    std::vector<route_link> routes;
    std::vector<std::string> peers;
    for (const auto& p : ports.peers) peers.push_back(p.cloud.text + "=" + p.van_endpoint);
    with_view([&](const topology::federation& f) {
        for (const auto& [name, v] : f.vans) {
            vans.push_back({name, v.vni, peers});
            for (const auto& [mac, r] : v.routes) {
                route_link link{name, mac, r.at == own, r.at, r.host, {}, r.run_right};
                if (const auto h = f.hosts.find(r.host); h != f.hosts.end()) link.host_endpoint = h->second.has.vxlan_address;
                routes.push_back(std::move(link));
            }
        }
    });
    for (const auto& who : online_devices()) {
        order o;
        o.vans = vans;
        o.key.attempt = 0;
        if (who.kind == port::device_kind::agent) {
            o.what = act::ensure_vans;
            order_device(who, o, {});
            continue;
        }
        o.what = act::extend_vans;
        order_device(who, o, {});
        o.what = act::set_routes;
        o.routes = routes;
        order_device(who, o, {});
    }
}

}  // namespace caravan::runtime
