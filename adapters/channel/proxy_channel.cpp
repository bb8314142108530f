#include "adapters/channel/proxy_body.hpp"
#include "events/json.hpp"

namespace caravan::channel {

result<void> proxy_channel::body::open(const job& about) {
    if (!valid_migration(about.id)) return permanent("bad_migration_id", about.id.text);
    const bool destination = about.here == side::destination;
    const auto found = find(about.id);
    ticket says;
    if (destination) {
        const leave here{about.ticket, found && found->is_shut(), about.vm.name, about.vm.uuid,
                         found ? found->spent() : 0};
        auto good =
            check_ticket({about.peer, about.id, about.ticket}, here, ticket_key, clock.now());
        if (!good) return tl::unexpected(good.error());
        says = std::move(*good);
    } else if (!about.ticket.body.empty()) {
        auto read = from_json<ticket>(about.ticket.body);
        if (!read) return tl::unexpected(read.error());
        says = std::move(*read);
    }
    const auto streams = found ? found : std::make_shared<bundle>(about, listener);
    streams->about = about;
    streams->leave = std::move(says);
    if (destination) streams->budget = streams->leave.budget;
    if (!found) jobs.emplace(about.id, streams);
    if (!found && !destination) streams->on_shut = [this, id = about.id] { forget(id); };
    dial_records(streams);
    return {};
}

void proxy_channel::body::forget(const migration_id& id) {
    const auto found = jobs.find(id);
    if (found == jobs.end()) return;
    const auto streams = found->second;
    streams->shut();
    if (streams->about.here == side::destination && clock.now() < streams->leave.deadline) return;
    boost::asio::post(thread.io(), [streams] {});  // its own callbacks may be on the stack
    jobs.erase(found);
}

std::shared_ptr<bundle> proxy_channel::body::find(const migration_id& id) const {
    const auto found = jobs.find(id);
    return found == jobs.end() ? nullptr : found->second;
}

leave proxy_channel::body::known(const bundle& here) const {
    return {here.about.ticket, here.is_shut(), here.about.vm.name, here.about.vm.uuid,
            here.spent()};
}

void proxy_channel::body::look() {
    std::vector<std::shared_ptr<bundle>> all;  // listeners may open and close meanwhile
    for (const auto& [id, one] : jobs) all.push_back(one);
    const instant today = clock.now();
    for (const auto& one : all) {
        const bool late = one->about.here == side::destination && today >= one->leave.deadline;
        if (late && one->is_shut()) forget(one->about.id);
        if (late) one->refuse("ticket_expired", "the deadline came while it was open");
        one->look(std::chrono::steady_clock::now(), config.stall);
        dial_records(one);
    }
}

void proxy_channel::body::put_gate(relay& one, const bundle& here) const {
    const job& about = here.about;
    if (one.kind() == lane::nbd) one.judge_with(gate::nbd::gate());
    if (one.kind() != lane::ctl) return;
    const auto uri = [&](lane kind) {
        return "unix://" + socket_path(about.sockets, about.id, kind);
    };
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch());
    gate::policy rules{here.leave,         uri(lane::mem),           uri(lane::nbd),
                       about.own_live_xml, about.own_persistent_xml, since.count(),
                       about.markers};
    one.judge_with(gate::gate(
        about.here == side::source ? gate::place::source : gate::place::destination, std::move(rules)));
}

void proxy_channel::body::keep_records(const std::shared_ptr<bundle>& streams,
                                       const std::shared_ptr<wire>& on) {
    if (streams->is_shut()) return;
    const std::weak_ptr<bundle> held = streams;
    if (streams->records) std::exchange(streams->records, nullptr)->stop();
    streams->records = std::make_shared<record_line>(
        on,
        [held](const std::string& record) {
            if (const auto still = held.lock()) still->hear(record);
        },
        [held] {
            if (const auto still = held.lock()) still->records = nullptr;
        });
    streams->records->start();
}

proxy_channel::proxy_channel(std::unique_ptr<body> from) : body_(std::move(from)) {}

result<std::unique_ptr<proxy_channel>> proxy_channel::make(const proxy_channel_config& config,
                                                           const port::clock& clock,
                                                           port::channel_listener& listener) {
    if (config.stall < stall_min)
        return permanent("stall_too_short", "a second is the pace of probes");
    auto made = std::make_unique<body>(config, clock, listener);
    auto own = tls::own_identity(config.site.certificate);
    auto key = load_verifying_key(config.ticket_key);
    auto site_in = tls::server_context(config.site), site_out = tls::client_context(config.site);
    auto wan_in = tls::server_context(config.wan, config.peers);
    auto wan_out = tls::client_context(config.wan, config.peers);
    if (!own) return tl::unexpected(own.error());
    if (!key) return tl::unexpected(key.error());
    for (const auto* one : {&site_in, &site_out, &wan_in, &wan_out})
        if (!*one) return tl::unexpected(one->error());
    made->cloud = own->cloud;
    made->ticket_key = *key;
    made->to_site = std::move(*site_out);
    made->to_wan = std::move(*wan_out);
    body* here = made.get();
    auto opened = here->thread.call([&]() -> result<void> {
        auto& io = here->thread.io();
        auto site = door::open(io, config.site_listen, std::move(*site_in), config.stall,
                               [here](const visitor& who) { here->from_agent(who); });
        if (!site) return tl::unexpected(site.error());
        auto wan = door::open(io, config.wan_listen, std::move(*wan_in), config.stall,
                              [here](const visitor& who) { here->from_peer(who); });
        if (!wan) return tl::unexpected(wan.error());
        here->site = *site;
        here->wan = *wan;
        here->beat = std::make_unique<ticking>(io, [here] { here->look(); });
        return {};
    });
    if (!opened) return tl::unexpected(opened.error());
    return std::unique_ptr<proxy_channel>(new proxy_channel(std::move(made)));
}

proxy_channel::~proxy_channel() {
    body_->thread.call([this] {
        for (const auto& [id, one] : body_->jobs) one->shut();
    });
    body_->thread.stop();
}

result<void> proxy_channel::open(const job& about) {
    return body_->thread.call([&] { return body_->open(about); });
}

result<void> proxy_channel::close(const migration_id& id) {
    return body_->thread.call([&]() -> result<void> {
        body_->forget(id);
        return {};
    });
}

result<std::vector<port::channel_observation>> proxy_channel::observe() {
    return body_->thread.call([&]() -> result<std::vector<port::channel_observation>> {
        std::vector<port::channel_observation> seen;
        for (const auto& [id, one] : body_->jobs)
            if (!one->is_shut()) seen.push_back(one->observed());
        return seen;
    });
}

result<void> proxy_channel::send_record(const migration_id& id, const std::string& record) {
    return body_->thread.call([&]() -> result<void> {
        const auto streams = body_->find(id);
        if (!streams || !streams->records) return transient("no_channel");
        return std::shared_ptr(streams->records)->send(record);
    });
}

std::uint16_t proxy_channel::site_port() const {
    return body_->site->port();
}
std::uint16_t proxy_channel::wan_port() const {
    return body_->wan->port();
}

}  // namespace caravan::channel
