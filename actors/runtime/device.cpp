#include "actors/runtime/controller.hpp"

namespace caravan::runtime {

struct link_up {};
struct link_down {};
struct frame_mail { std::string text; };

}  // namespace caravan::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::link_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::link_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::frame_mail)

namespace caravan::runtime {

namespace {

class device_actor : public caf::event_based_actor {
  public:
    device_actor(caf::actor_config& config, controller& c, port::device who)
        : caf::event_based_actor(config), controller_(c), who_(std::move(who)) {}

    caf::behavior make_behavior() override {
        return {
            [this](order_mail& mail) { take_order(std::move(mail)); },
            [this](take_back_mail mail) { orders_.erase(mail.number); },
            [this](link_up) { up_ = false; },  // it is there once it has said what it holds
            [this](link_down) {
                up_ = false;
                lose();
            },
            [this](frame_mail& mail) { hear(mail.text); },
        };
    }
    const char* name() const override { return "device"; }

  private:
    struct kept_order {
        std::string frame;
        std::function<void(const report&)> done;
    };

    // What concerns no migration: networks and routes, as they are now.
    static bool of_networks(const order& o) { return o.key.migration.empty() && o.about.id.empty(); }
    static std::string subject_of(const order& o) {
        return o.routes.size() == 1 ? o.routes[0].van.text + '/' + o.routes[0].mac : std::string(to_text(o.what));
    }

    // A device that is slow to follow the networks is told only the newest of each, in the order it was said.
    void take_order(order_mail mail) {
        if (of_networks(mail.what)) {
            if (in_flight_.size() >= in_flight_max) {
                std::erase_if(waiting_, [subject = subject_of(mail.what)](const auto& w) { return subject_of(w.what) == subject; });
                waiting_.push_back(std::move(mail));
                return;
            }
            in_flight_.insert(mail.what.number);
        }
        auto& kept = orders_[mail.what.number];
        kept = {frame_of("order", mail.what), std::move(mail.done)};
        if (up_) controller_.ports.link->send(who_, kept.frame);
    }

    stream_id stream() const {
        return stream_id((who_.kind == port::device_kind::agent ? "host/" : "proxy/") + who_.name);
    }
    void deliver(const stream_id& to, command what) { controller_.actors().deliver(to, std::move(what)); }

    void lose() {
        if (who_.kind == port::device_kind::agent) deliver(stream(), command(host::command(host::lose{})));
        else deliver(stream(), command(proxy::command(proxy::lose{})));
    }

    void hear(const std::string& text) {
        const auto document = json_document::parse(text);
        if (!document) return complain("a frame that is not JSON", document.error().detail);
        const auto kind = document->root().at("frame");
        const auto is = document->root().at("is");
        const auto name = kind ? kind->as_text() : std::nullopt;
        if (!name || !is) return complain("a frame without a name", text.substr(0, 100));
        if (*name == "report") take<report>(*is, [this](report& r) { reported(r); });
        else if (*name == "agent") take<agent_hello>(*is, [this](agent_hello& h) { greeted(h); });
        else if (*name == "proxy") take<proxy_hello>(*is, [this](proxy_hello& h) { greeted(h); });
        else if (*name == "vm") take<seen_vm>(*is, [this](seen_vm& v) { saw(v); });
        else if (*name == "progress") take<progress>(*is, [this](progress& p) { progressed(p); });
        else if (*name == "sighting") take<sighting>(*is, [this](sighting& s) { sighted(s); });
        else if (*name == "dead_adapter") take<dead_adapter>(*is, [this](dead_adapter& d) { mourned(d); });
        else complain("an unknown frame", std::string(*name));
    }

    template <class T, class F>
    void take(const json_value& value, F&& then) {
        auto x = from_json<T>(value);
        if (x) then(*x);
        else complain("a malformed frame", x.error().detail);
    }

    void complain(const std::string& what, const std::string& detail) {
        if (controller_.ports.log) controller_.ports.log(who_.name + " sent " + what + ": " + detail);
    }

    void reported(const report& r) {
        const auto found = orders_.find(r.number);
        if (found == orders_.end()) return;  // of an earlier life of this controller
        if (r.how.ended != outcome::ok) complain("a failure, " + r.how.reason, r.detail);
        const auto tell = std::move(found->second.done);
        orders_.erase(found);
        if (tell) tell(r);
        if (!in_flight_.erase(r.number) || waiting_.empty()) return;
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        take_order(std::move(next));
    }

    void saw(const seen_vm& v) {
        deliver(stream_id("vm/" + v.spec.name.text),
                command(vm::command(vm::observe{v.spec, host_name(who_.name), v.present, v.running})));
    }

    void greeted(agent_hello& h) {
        deliver(stream(), command(host::command(host::hello{h.has})));
        for (const auto& v : h.vms) saw(v);
        forget_absent(h);
        close_stale(h.jobs, act::close_end);
        come_up();
    }
    void greeted(proxy_hello& h) {
        deliver(stream(), command(proxy::command(proxy::hello{h.site_endpoint, h.vxlan_address})));
        close_stale(h.jobs, act::close_relay);
        come_up();
    }

    // Channels that it holds for migrations which are over, or of which these books know nothing.
    void close_stale(const std::vector<migration_id>& held, act how) {
        order o;
        o.what = how;
        for (const auto& id : held) {
            bool live = false;
            controller_.with_view([&](const topology::federation& f) {
                const auto found = f.migrations.find(id);
                live = found != f.migrations.end() && found->second.state == "running";
            });
            o.about.id = id;
            if (!live) controller_.order_device(who_, o, {});
        }
    }

    // VMs that the books have on this host, and that its agent does not see any more.
    void forget_absent(const agent_hello& h) {
        std::vector<vm_spec> gone;
        controller_.with_view([&](const topology::federation& f) {
            for (const auto& [name, v] : f.vms) {
                if (v.host.text != who_.name || (v.state != "running" && v.state != "stopped")) continue;
                const bool seen = std::any_of(h.vms.begin(), h.vms.end(),
                                              [&](const auto& s) { return s.spec.name == name; });
                if (!seen) gone.push_back(v.spec);
            }
        });
        for (const auto& spec : gone)
            deliver(stream_id("vm/" + spec.name.text),
                    command(vm::command(vm::observe{spec, host_name(who_.name), false, false})));
    }

    void come_up() {
        up_ = true;
        for (const auto& [number, kept] : orders_) controller_.ports.link->send(who_, kept.frame);
        controller_.refresh_networks();
    }

    void mourned(const dead_adapter& d) {
        deliver(stream_id("adapter/" + who_.name + "/" + d.name),
                command(care::command(care::died{controller_.ports.clock->now(), d.observed})));
    }

    void progressed(const progress& p) {
        controller_.note_progress(p);
        deliver(stream_id("migration/" + p.migration.text),
                command(migration::command(migration::note_copied{p.disk_done, p.memory_done, p.downtime})));
    }

    void sighted(const sighting& s) {
        const stream_id saga("migration/" + s.migration.text);
        switch (s.what) {
            case sighting::kind::destination_ready:
                return deliver(saga, command(migration::command(migration::copy_ready{})));
            case sighting::kind::record: {
                // What came over an open channel came from the peer whose ticket opened it.
                const auto released = from_json<vm::run_right_released>(s.reason);
                if (!released || released->migration != s.migration) return complain("a bad record", s.reason.substr(0, 100));
                return deliver(stream_id("visit/" + s.migration.text),
                               command(visit::command(visit::hear_release{released->run_right, true})));
            }
            case sighting::kind::refused:
                return deliver(stream(), command(proxy::command(proxy::note_refusal{s.migration, s.reason, s.detail})));
            case sighting::kind::closed:
                if (s.reason == "closed") return;  // by our own order
                return deliver(stream(), command(proxy::command(proxy::note_close{s.migration, s.reason})));
        }
    }

    controller& controller_;
    const port::device who_;
    std::map<std::uint64_t, kept_order> orders_;
    static constexpr std::size_t in_flight_max = 8;  // of networks
    std::set<std::uint64_t> in_flight_;
    std::deque<order_mail> waiting_;
    bool up_ = false;
};

}  // namespace

caf::actor spawn_device(controller& c, const port::device& who) {
    return c.actors().system.spawn<device_actor>(std::ref(c), who);
}

void controller::connected(const port::device& who) {
    caf::actor actor;
    {
        const std::lock_guard lock(devices_mutex_);
        if (closing_) return;
        auto& known = devices_[who];
        if (!known) known = spawn_device(*this, who);
        actor = known;
        online_[who] = true;
    }
    caf::anon_send(actor, link_up{});
}

void controller::received(const port::device& who, std::string frame) {
    const std::lock_guard lock(devices_mutex_);
    if (const auto found = devices_.find(who); found != devices_.end())
        caf::anon_send(found->second, frame_mail{std::move(frame)});
}

void controller::disconnected(const port::device& who) {
    const std::lock_guard lock(devices_mutex_);
    online_[who] = false;
    if (const auto found = devices_.find(who); found != devices_.end()) caf::anon_send(found->second, link_down{});
}

std::uint64_t controller::order_device(const port::device& who, order what,
                                       std::function<void(const report&)> done) {
    const auto number = what.number = next_order_++;
    const std::lock_guard lock(devices_mutex_);
    if (closing_) return number;
    auto& known = devices_[who];
    if (!known) known = spawn_device(*this, who);
    caf::anon_send(known, order_mail{std::move(what), std::move(done)});
    return number;
}

void controller::take_back(const port::device& who, std::uint64_t order_number) {
    const std::lock_guard lock(devices_mutex_);
    if (const auto found = devices_.find(who); found != devices_.end())
        caf::anon_send(found->second, take_back_mail{order_number});
}

std::optional<port::device> controller::any_proxy() const {
    const std::lock_guard lock(devices_mutex_);
    std::optional<port::device> any;
    for (const auto& [who, online] : online_) {
        if (who.kind != port::device_kind::proxy) continue;
        if (online) return who;
        any = who;
    }
    return any;
}

}  // namespace caravan::runtime
