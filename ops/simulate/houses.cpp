#include "ops/simulate/houses.hpp"

#include "adapters/clock/migration_id.hpp"

namespace caravan::simulate {

namespace {

// Endpoints are inside words, as hosts' names are.
std::string inside(const std::string& text) { return std::string(inside_mark) + "-" + text; }

// What a dead process still says on its way out is said to nobody.
class mortal_writer final : public port::feed_writer {
  public:
    mortal_writer(std::unique_ptr<port::feed_writer> to, const process& whose) : to_(std::move(to)), whose_(whose) {}
    result<void> publish(std::span<const port::feed_record> records) override {
        return whose_.dead ? transient("dead") : to_->publish(records);
    }
    result<port::feed_record> last() override {
        if (whose_.dead) return transient("dead");
        return to_->last();
    }

  private:
    const std::unique_ptr<port::feed_writer> to_;
    const process& whose_;
};

}  // namespace

agent_house::agent_house(agenda& time, dice luck, sim::world& world, const sim::place& where, sim::link_hub& hub,
                         const log_to& log)
    : process(time, luck), who_{port::device_kind::agent, where.host.text}, hub_(hub), link_(hub.client(who_)),
      hypervisor_(world, where, heard_), network_(world, where), channel_(world, false, heard_) {
    runtime::agent_ports ports;
    ports.hypervisor = &hypervisor_;
    ports.network = &network_;
    ports.channel = &channel_;
    ports.endpoint = inside(where.host.text + ":1");
    ports.vxlan_address = inside(where.host.text);
    agent_ = std::make_unique<runtime::agent>(steps.actors(), *link_, ports, log, steps);
    heard_.hear_for(agent_.get(), agent_.get());
    link_->listen(*agent_);
}

agent_house::~agent_house() {
    dead = true;
    hub_.hush(who_);
    heard_.hear_for(nullptr, nullptr);
    agent_->close();
    steps.drain();
}

proxy_house::proxy_house(agenda& time, dice luck, sim::world& world, const proxy_name& name, sim::link_hub& hub,
                         const log_to& log)
    : process(time, luck), who_{port::device_kind::proxy, name.text}, hub_(hub), link_(hub.client(who_)),
      channel_(world, true, heard_) {
    proxy_ = std::make_unique<runtime::site_proxy>(
        steps.actors(), *link_, runtime::proxy_ports{&network, &channel_, inside(name.text + ":1"), inside(name.text)},
        log, steps);
    heard_.hear_for(nullptr, proxy_.get());
    link_->listen(*proxy_);
}

proxy_house::~proxy_house() {
    dead = true;
    hub_.hush(who_);
    heard_.hear_for(nullptr, nullptr);
    proxy_->close();
    steps.drain();
}

controller_house::controller_house(agenda& time, dice luck, const cloud_name& name,
                                   std::unique_ptr<port::journal> journal, sim::link_hub& hub,
                                   std::vector<runtime::peer_config> peers, port::clock& clock, const log_to& log)
    : process(time, luck), hub_(hub), journal_(std::move(journal)), server_(hub.server()) {
    for (auto& p : peers) p.to = std::make_unique<mortal_writer>(std::move(p.to), *this);
    runtime::controller_ports ports;
    ports.clock = &clock;
    ports.journal = journal_.get();
    ports.link = server_.get();
    ports.peers = std::move(peers);
    ports.sign = [](const ticket& t) -> result<signed_ticket> { return signed_ticket{to_json(t), t.to.text}; };
    ports.new_migration_id = [this, &clock] { return adapter::new_migration_id(clock.now(), chance.bytes(10)); };
    ports.new_incarnation = [this, &clock] { return adapter::new_ulid(clock.now(), chance.bytes(10)); };
    ports.log = log;
    ports.random = [this](std::size_t size) { return chance.bytes(size); };
    ports.loops = &steps;
    controller_ = std::make_unique<runtime::controller>(steps.actors(), name, std::move(ports));
    auto& shell = controller_->actors();
    shell.set_performer([this, perform = shell.perform](runtime::shell& s, const stream_id& stream, const errand& e) {
        auto made = perform(s, stream, e);
        errands_[stream.text] = caf::actor_cast<caf::weak_actor_ptr>(made);
        return made;
    });
}

void controller_house::kill_errand(const migration_id& id) {
    for (const auto* kind : {"migration/", "visit/"})
        if (const auto found = errands_.find(kind + id.text); found != errands_.end())
            if (const auto one = caf::actor_cast<caf::actor>(found->second))
                caf::anon_send_exit(one, caf::exit_reason::kill);
}

result<void> controller_house::start() {
    if (auto started = controller_->start(); !started) return started;
    server_->listen(*controller_);
    return {};
}

controller_house::~controller_house() {
    dead = true;
    hub_.hush();
    controller_->close();
    steps.drain();
    controller_.reset();
}

}  // namespace caravan::simulate
