#include "ops/simulate/cloud.hpp"

#include "adapters/sim/guest.hpp"

namespace caravan::simulate {

namespace {

// A control link's frame takes a moment; frames of one link keep their order, for it is always the same.
constexpr duration frame_time = std::chrono::microseconds(300);

sim::timing link_time(agenda& time) {
    return {[&time] { return time.now(); },
            [&time](duration wait, std::function<void()> what) { time.after(wait + frame_time, std::move(what)); }};
}

}  // namespace

class cloud::told_journal final : public port::journal {
  public:
    told_journal(cloud& whose, std::unique_ptr<port::journal> on) : whose_(whose), on_(std::move(on)) {
        catch_up();
    }
    result<void> append(std::span<const port::entry> entries) override {
        const bool dies = whose_.disk.faults.die_in_append;
        auto how = on_->append(entries);
        if (dies && !whose_.disk.faults.die_in_append)
            whose_.ground_.time.after({}, [&whose = whose_, life = whose_.lives] {
                if (whose.lives == life) whose.kill_controller();
            });
        if (how)
            for (const auto& e : entries) tell(e);
        return how;
    }
    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override {
        return on_->read(after, limit, each);
    }
    result<void> read_stream(const stream_id& stream, version after,
                             const std::function<bool(const port::entry&)>& each) const override {
        return on_->read_stream(stream, after, each);
    }
    result<port::head> last() const override { return on_->last(); }
    result<void> put_mark(const std::string& name, std::uint64_t value) override { return on_->put_mark(name, value); }
    result<std::uint64_t> mark(const std::string& name) const override { return on_->mark(name); }

  private:
    void catch_up() {
        (void)on_->read(whose_.told_upto_, SIZE_MAX, [this](const port::entry& e) {
            tell(e);
            return true;
        });
    }
    void tell(const port::entry& e) {
        whose_.told_upto_ = e.at;
        whose_.ground_.told.written(whose_.name, e);
    }
    cloud& whose_;
    const std::unique_ptr<port::journal> on_;
};

class cloud::told_writer final : public port::feed_writer {
  public:
    told_writer(const cloud& whose, cloud_name to, std::unique_ptr<port::feed_writer> on)
        : whose_(whose), to_(std::move(to)), on_(std::move(on)) {}
    result<void> publish(std::span<const port::feed_record> records) override {
        auto how = on_->publish(records);
        if (how)
            for (const auto& r : records) whose_.ground_.told.published(whose_.name, to_, r);
        return how;
    }
    result<port::feed_record> last() override { return on_->last(); }

  private:
    const cloud& whose_;
    const cloud_name to_;
    const std::unique_ptr<port::feed_writer> on_;
};

cloud::cloud(const ground& g, dice luck, cloud_name own, std::size_t hosts, bytes memory)
    : name(std::move(own)), disk(luck.next()), hub(link_time(g.time)), clock(g.time), ground_(g), luck_(luck),
      proxy_name_("p-" + std::string(inside_mark) + "-" + name.text), agents_(hosts) {
    for (std::size_t i = 0; i < hosts; ++i) {
        host_names_.emplace_back("h" + std::to_string(i + 1) + "-" + std::string(inside_mark) + "-" + name.text);
        ground_.world.add_host(place_of(i), sim::host_for_guests(memory));
    }
}

cloud::~cloud() {
    for (std::size_t i = 0; i < agents_.size(); ++i) kill_agent(i);
    kill_proxy();
    kill_controller();
}

void cloud::join(const cloud_name& peer, sim::feed_line& to, sim::feed_line& from) {
    peers_.push_back({peer, &to, &from});
}

void cloud::start() {
    start_controller();
    start_proxy();
    for (std::size_t i = 0; i < agents_.size(); ++i) start_agent(i);
}

void cloud::start_controller() {
    if (controller_) return;
    auto opened = disk.open();
    if (!opened) return;
    std::vector<runtime::peer_config> peers;
    for (const auto& p : peers_)
        peers.push_back({p.cloud, "wan:1", "wan:2", std::make_unique<told_writer>(*this, p.cloud, p.to->writer()),
                         p.from->reader()});
    ++lives;
    controller_ = std::make_unique<controller_house>(
        ground_.time, luck_.fork(), name, std::make_unique<told_journal>(*this, std::move(*opened)), hub,
        std::move(peers), clock, ground_.log);
    if (!controller_->start()) kill_controller();
}

void cloud::kill_controller() {
    if (!controller_) return;
    disk.crash();
    controller_.reset();
}

void cloud::start_agent(std::size_t host) {
    if (agents_[host]) return;
    agents_[host] = std::make_unique<agent_house>(ground_.time, luck_.fork(), ground_.world, place_of(host), hub,
                                                  ground_.log);
}
void cloud::kill_agent(std::size_t host) { agents_[host].reset(); }

void cloud::start_proxy() {
    if (proxy_) return;
    proxy_ = std::make_unique<proxy_house>(ground_.time, luck_.fork(), ground_.world, proxy_name_, hub, ground_.log);
    proxy_->network.replaced = [this](const port::route& before, const port::route& now) {
        ground_.told.route_replaced(name, before, now);
    };
}
void cloud::kill_proxy() { proxy_.reset(); }

}  // namespace caravan::simulate
