#include "tests/sim/federation.hpp"

#include <future>
#include <iostream>

#include "adapters/clock/migration_id.hpp"
#include "adapters/file/feed_reader.hpp"
#include "adapters/file/feed_writer.hpp"
#include "topology/view.hpp"

namespace caravan::testing {

namespace {

// What hypervisors and channels tell, to a site that is made after them and goes before them.
template <class Site>
class ears final : public port::hypervisor_listener, public port::channel_listener {
  public:
    void hear_for(
        Site* site) {  // nullptr: nobody; nothing is being told to an earlier one any more
        const std::lock_guard lock(mutex_);
        site_ = site;
    }
    void vm_changed(const port::vm_observation& v) override {
        tell_host([&](auto& s) { s.vm_changed(v); });
    }
    void copy_progressed(const port::copy_progress& p) override {
        tell_host([&](auto& s) { s.copy_progressed(p); });
    }
    void copy_begun(const migration_id& id) override {
        tell_host([&](auto& s) { s.copy_begun(id); });
    }
    void copy_ended(const migration_id& id, const result<void>& how) override {
        tell_host([&](auto& s) { s.copy_ended(id, how); });
    }
    void refused(const port::channel_refusal& r) override {
        tell([&](auto& s) { s.refused(r); });
    }
    void closed(const migration_id& id, const std::string& why) override {
        tell([&](auto& s) { s.closed(id, why); });
    }
    void destination_ready(const migration_id& id) override {
        tell([&](auto& s) { s.destination_ready(id); });
    }
    void record_heard(const migration_id& id, const std::string& bytes) override {
        tell([&](auto& s) { s.record_heard(id, bytes); });
    }

  private:
    template <class F>
    void tell(F&& what) {
        const std::lock_guard lock(mutex_);
        if (site_) what(*site_);
    }
    template <class F>
    void tell_host(F&& what) {
        if constexpr (std::is_base_of_v<port::hypervisor_listener, Site>) tell(what);
    }
    std::mutex mutex_;
    Site* site_ = nullptr;
};

class cut_writer final : public port::feed_writer {
  public:
    cut_writer(std::unique_ptr<port::feed_writer> to, const std::atomic<bool>& cut)
        : to_(std::move(to)), cut_(cut) {}
    result<void> publish(std::span<const port::feed_record> records) override {
        if (cut_) return transient("feed_unreachable", "simulated");
        return to_->publish(records);
    }
    result<port::feed_record> last() override {
        if (cut_) return transient("feed_unreachable", "simulated");
        return to_->last();
    }

  private:
    const std::unique_ptr<port::feed_writer> to_;
    const std::atomic<bool>& cut_;
};

class counting_journal final : public port::journal {
  public:
    counting_journal(port::journal& to, journal_counts& counts) : to_(to), counts_(counts) {}
    result<void> append(std::span<const port::entry> entries) override {
        const auto begun = std::chrono::steady_clock::now();
        auto how = to_.append(entries);
        const auto took = std::chrono::steady_clock::now() - begun;
        counts_.microseconds += std::uint64_t(std::chrono::duration_cast<duration>(took).count());
        ++counts_.commits;
        counts_.events += entries.size();
        for (const auto& e : entries) counts_.bytes += e.bytes.size() + e.inside.size();
        return how;
    }
    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override {
        return to_.read(after, limit, each);
    }
    result<void> read_stream(const stream_id& s, version after,
                             const std::function<bool(const port::entry&)>& each) const override {
        return to_.read_stream(s, after, each);
    }
    result<port::head> last() const override { return to_.last(); }
    result<void> put_mark(const std::string& name, std::uint64_t value) override {
        return to_.put_mark(name, value);
    }
    result<std::uint64_t> mark(const std::string& name) const override { return to_.mark(name); }

  private:
    port::journal& to_;
    journal_counts& counts_;
};

std::string text_at(const json_value& root, const char* key) {
    const auto v = root.at(key);
    const auto text = v ? v->as_text() : std::nullopt;
    return text ? std::string(*text) : std::string();
}

topology::view_options plain() {
    return {runtime::step_names(), {}, {}};
}

}  // namespace

// ---- one cloud

struct whole_cloud::agent_house {
    ears<runtime::agent> heard;
    std::unique_ptr<port::link_client> link;
    sim::sim_hypervisor hypervisor;
    sim::sim_host_network network;
    sim::sim_channel channel;
    agent_house(whole_cloud& c, std::size_t host)
        : link(c.hub.client(c.device_of(host))),
          hypervisor(c.world_, c.place_of(host), heard),
          network(c.world_, c.place_of(host)),
          channel(c.world_, false, heard) {}
};

struct whole_cloud::proxy_house {
    ears<runtime::site_proxy> heard;
    std::unique_ptr<port::link_client> link;
    sim::sim_site_network network;
    sim::sim_channel channel;
    explicit proxy_house(whole_cloud& c)
        : link(c.hub.client(c.proxy_device())), channel(c.world_, true, heard) {}
};

whole_cloud::whole_cloud(sim::world& world, cloud_name own, cloud_name other,
                         std::filesystem::path folder, const ground& g)
    : name(std::move(own)),
      peer(std::move(other)),
      proxy_name("p-" + name.text),
      world_(world),
      folder_(std::move(folder)),
      ground_(g),
      hub(wires_.timing()) {
    config_.set("scheduler.policy", caf::atom("sharing"));
    config_.set("scheduler.max-threads", g.threads);
    config_.set("scheduler.max-throughput", std::size_t{64});
    for (std::size_t i = 0; i < g.hosts; ++i) {
        host_names.emplace_back("h" + std::to_string(i + 1) + "-" + name.text);
        world_.add_host(place_of(i), sim::host_for_guests(g.memory));
    }
    site_actors_ = std::make_unique<caf::actor_system>(config_);
    controller_actors_ = std::make_unique<caf::actor_system>(config_);
    start_controller();
    start_sites();
}

whole_cloud::~whole_cloud() {
    stop_sites();
    stop_controller();
    wires_.stop();
}

std::function<void(const std::string&)> whole_cloud::log_of(const std::string& who) const {
    if (!ground_.loud) return [](const std::string&) {};
    return [who = who + "." + name.text](const std::string& line) {
        std::cerr << who + ": " + line + "\n";
    };
}

void whole_cloud::start_controller() {
    auto opened = adapter::sqlite_journal::open((folder_ / (name.text + ".db")).string());
    if (!opened)
        throw std::runtime_error("journal: " + opened.error().reason + " " + opened.error().detail);
    sqlite_ = std::move(*opened);
    journal_ = std::make_unique<counting_journal>(*sqlite_, counts);
    server_ = hub.server();
    runtime::controller_ports ports;
    ports.clock = &clock_;
    ports.journal = journal_.get();
    ports.link = server_.get();
    auto to = adapter::file_feed_writer::open(adapter::feed_path(folder_, name, peer));
    if (!to) throw std::runtime_error("feed: " + to.error().reason + " " + to.error().detail);
    ports.peers.push_back(
        {peer, "wan:1", "wan:2", std::make_unique<cut_writer>(std::move(*to), feed_outage),
         std::make_unique<adapter::file_feed_reader>(adapter::feed_path(folder_, peer, name))});
    ports.sign = [](const ticket& t) -> result<signed_ticket> {
        return signed_ticket{to_json(t), "simulated"};
    };
    ports.new_migration_id = [this] {
        return adapter::new_migration_id(clock_.now(), adapter::random_bytes(10));
    };
    ports.new_incarnation = [this] {
        return adapter::new_ulid(clock_.now(), adapter::random_bytes(10));
    };
    ports.log = log_of("controller");
    controller = std::make_unique<runtime::controller>(*controller_actors_, name, std::move(ports));
    if (auto started = controller->start(); !started)
        throw std::runtime_error("controller: " + started.error().reason + " " +
                                 started.error().detail);
    server_->listen(*controller);
}

void whole_cloud::stop_controller() {
    hub.hush();
    controller.reset();
    server_.reset();
    journal_.reset();
    sqlite_.reset();
}

// The journal's file, and those that SQLite has beside it.
void whole_cloud::keep_journal(const std::string& copy) const {
    std::filesystem::create_directory(folder_ / copy);
    for (const auto& file : std::filesystem::directory_iterator(folder_))
        if (file.path().filename().string().starts_with(name.text + ".db"))
            std::filesystem::copy_file(file, folder_ / copy / file.path().filename());
}

void whole_cloud::put_back_journal(const std::string& copy) const {
    for (const char* beside : {"", "-wal", "-shm"}) std::filesystem::remove(folder_ / (name.text + ".db" + beside));
    for (const auto& file : std::filesystem::directory_iterator(folder_ / copy))
        std::filesystem::copy_file(file, folder_ / file.path().filename(), std::filesystem::copy_options::overwrite_existing);
}

void whole_cloud::lose_feed() {
    std::filesystem::remove(adapter::feed_path(folder_, name, peer));
}

void whole_cloud::start_sites() {
    proxy_house_ = std::make_unique<proxy_house>(*this);
    site_routes = &proxy_house_->network;
    proxy = std::make_unique<runtime::site_proxy>(
        *site_actors_, *proxy_house_->link,
        runtime::proxy_ports{&proxy_house_->network, &proxy_house_->channel, "site:1", "10.0.0.1"},
        log_of("proxy"));
    proxy_house_->heard.hear_for(proxy.get());
    proxy_house_->link->listen(*proxy);
    for (std::size_t i = 0; i < host_names.size(); ++i) {
        auto& h = *agent_houses_.emplace_back(std::make_unique<agent_house>(*this, i));
        runtime::agent_ports ports;
        ports.hypervisor = &h.hypervisor;
        ports.network = &h.network;
        ports.channel = &h.channel;
        ports.endpoint = "agent:" + std::to_string(i);
        ports.vxlan_address = "10.0.0.1" + std::to_string(i);
        agents.push_back(
            std::make_unique<runtime::agent>(*site_actors_, *h.link, ports, log_of("agent")));
        h.heard.hear_for(agents.back().get());
        h.link->listen(*agents.back());
    }
}

void whole_cloud::stop_sites() {
    if (!proxy) return;
    // Links and ports go quiet before those who listen to them go.
    hub.hush(proxy_device());
    proxy_house_->heard.hear_for(nullptr);
    for (std::size_t i = 0; i < agents.size(); ++i) {
        hub.hush(device_of(i));
        agent_houses_[i]->heard.hear_for(nullptr);
    }
    agents.clear();
    proxy.reset();
    agent_houses_.clear();
    proxy_house_.reset();
}

std::string whole_cloud::read(const std::string& path) {
    std::string shown;
    controller->desk().read({}, path, "", [&](port::answer a) { shown = std::move(a.json); });
    return shown;
}

receipt whole_cloud::submit(const std::string& type, const std::string& subject,
                            const std::string& data, std::string id, port::role as) {
    if (id.empty()) id = "e" + std::to_string(next_++);
    auto told = std::make_shared<std::promise<std::string>>();
    auto answer = told->get_future();
    controller->desk().submit({"tester", as},
                              R"({"specversion":"1.0","type":")" + type +
                                  R"(","source":"/test","id":")" + id + R"(","subject":")" +
                                  subject + R"(","data":)" + data + "}",
                              [told](std::string text) { told->set_value(std::move(text)); });
    if (answer.wait_for(20s) != std::future_status::ready) return {"no answer", {}, {}, {}, {}};
    receipt r;
    r.text = answer.get();
    const auto document = json_document::parse(r.text);
    if (!document) return r;
    const auto root = document->root();
    r.status = text_at(root, "status");
    r.reason = text_at(root, "reason");
    r.migration = migration_id(text_at(root, "migration"));
    if (const auto at = root.at("position")) r.at = position(at->as_uint().value_or(0));
    return r;
}

receipt whole_cloud::migrate(const std::string& vm, const std::string& more) {
    return submit("caravan.vm.migrate", vm, R"({"to":")" + peer.text + "\"" + more + "}");
}

topology::vm_view whole_cloud::vm(const std::string& vm) const {
    topology::vm_view found;
    controller->with_view([&](const topology::federation& f) {
        if (const auto v = f.vms.find(vm_name(vm)); v != f.vms.end()) found = v->second;
    });
    return found;
}

std::optional<topology::migration_view> whole_cloud::migration(const migration_id& id) const {
    std::optional<topology::migration_view> found;
    controller->with_view([&](const topology::federation& f) {
        if (const auto m = f.migrations.find(id); m != f.migrations.end()) found = m->second;
    });
    return found;
}

bool whole_cloud::ended(const migration_id& id) const {
    const auto m = migration(id);
    return m && m->state != "running";
}

bool whole_cloud::is_as_replayed() const {
    std::optional<std::string> live;
    position upto;  // more may be written while we read
    controller->with_view([&](const topology::federation& f) {
        live = topology::view(f, "/state", plain());
        upto = f.at;
    });
    topology::federation f;
    f.own = name;
    f.peers[peer];
    for (const auto& e : entries()) {
        if (e.at > upto) break;
        if (auto known = decode(e.bytes, e.inside)) {
            known->at = e.at;
            topology::fold(f, *known, runtime::step_names());
        }
    }
    return live && live == topology::view(f, "/state", plain());
}

std::vector<port::entry> whole_cloud::entries() const {
    std::vector<port::entry> all;
    (void)journal_->read({}, SIZE_MAX, [&](const port::entry& e) {
        all.push_back(e);
        return true;
    });
    return all;
}

// ---- both

federation::temporary::temporary() {
    auto name = (std::filesystem::temp_directory_path() / "caravan-sim-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path = name;
}
federation::temporary::~temporary() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

federation::federation(const ground& g)
    : world(time_.timing(), g.pace),
      a(world, cloud_name("thales"), cloud_name("umea"), folder_.path, g),
      b(world, cloud_name("umea"), cloud_name("thales"), folder_.path, g) {
    const auto up = [](const whole_cloud& c) {
        bool all = true;
        c.controller->with_view([&](const topology::federation& f) {
            all = f.hosts.size() == c.host_names.size() && !f.proxies.empty();
            for (const auto& [name, h] : f.hosts) all = all && h.online;
            for (const auto& [name, p] : f.proxies) all = all && p.online;
        });
        return all;
    };
    if (!await([&] { return up(a) && up(b); }))
        throw std::runtime_error("the federation does not come up");
}

federation::~federation() {
    for (auto* c : {&a, &b}) c->stop_sites();
    for (auto* c : {&a, &b}) c->stop_controller();
    time_.stop();
}

void federation::boot(whole_cloud& at, std::size_t host, const sim::guest& g) {
    world.boot(at.place_of(host), sim::spec_of(g));
    if (!await([&] { return at.vm(g.name).state == "running"; }))
        throw std::runtime_error(g.name + " is not found by " + at.name.text);
}

sim::place federation::home_of(const std::string& vm) const {
    sim::place found;
    std::size_t runs = 0;
    for (const auto& c : world.copies_of(vm_name(vm)))
        if (c.state == port::run_state::running) {
            found = c.where;
            ++runs;
        }
    return runs == 1 ? found : sim::place{};
}

}  // namespace caravan::testing
