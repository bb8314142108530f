#include <atomic>

#include "actors/runtime/controller.hpp"
#include "actors/sagas/deeds.hpp"
#include "actors/sagas/resolver.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {

struct deed_done {
    std::size_t index;
    step_result how;
    std::vector<job> about;
    bool soon = false;
};
struct go {};
struct unseen {};

}  // namespace
}  // namespace caravan::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::deed_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::go)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::unseen)

namespace caravan::runtime {

namespace {

// How long an observation may wait for an agent that is not there before it counts as "unseen".
constexpr auto observe_patience = std::chrono::seconds(10);
constexpr auto look_again = std::chrono::milliseconds(250);

class errand_actor : public caf::event_based_actor {
  public:
    errand_actor(caf::actor_config& config, controller& c, stream_id for_whom, errand what)
        : caf::event_based_actor(config), controller_(c), for_whom_(std::move(for_whom)), what_(std::move(what)),
          deeds_(saga::deeds_of(what_.key.what, what_.about.here)) {}

    caf::behavior make_behavior() override {
        const auto now = controller_.ports.clock->now();
        if (what_.not_before > now) delayed_send(this, what_.not_before - now, go{});
        else send(this, go{});
        if (what_.key.what == op::observe) delayed_send(this, observe_patience, unseen{});
        return {
            [this](go) {
                complete_job();
                next();
            },
            [this](deed_done& d) {
                if (d.index != at_) return;
                outstanding_.reset();
                if (d.soon) return wait();
                if (!d.about.empty()) what_.about = std::move(d.about.front());
                const bool passed = d.how.ended == outcome::ok || deeds_[at_].best_effort;
                last_ = d.how;
                if (!passed) return finish(d.how);
                ++at_;
                next();
            },
            [this](unseen) { finish({outcome::transient, "unseen"}); },
        };
    }
    const char* name() const override { return "errand"; }
    // An order of an errand that nobody waits for any more must not be carried out late.
    void on_exit() override {
        *alive_ = false;
        if (outstanding_) controller_.take_back(outstanding_->first, outstanding_->second);
    }

  private:
    // What the cloud's own records know and the saga need not: who is reached where.
    void complete_job() {
        auto& j = what_.about;
        controller_.with_view([&](const topology::federation& f) {
            if (const auto h = f.hosts.find(j.host); h != f.hosts.end()) j.agent_endpoint = h->second.has.endpoint;
            if (const auto p = controller_.any_proxy())
                if (const auto found = f.proxies.find(proxy_name(p->name)); found != f.proxies.end())
                    j.proxy_endpoint = found->second.site_endpoint;
        });
        if (const auto* p = controller_.peer(j.peer)) j.peer_endpoint = p->proxy_endpoint;
    }

    void next() {
        while (at_ < deeds_.size() && deeds_[at_].only_again && what_.key.round == 0) ++at_;
        if (at_ == deeds_.size()) return finish(last_.reason.empty() || last_.ended != outcome::ok ? step_result{} : last_);
        const auto& d = deeds_[at_];
        if (forgotten(d, what_.about.here)) {
            ++at_;
            return next();
        }
        const auto self = caf::actor_cast<caf::actor>(this);
        if (d.who == saga::doer::books) {
            keep_books(controller_, static_cast<std::uint8_t>(d.books_entry), what_,
                       [alive = alive_] { return alive->load(); },
                       [self, index = at_](books_result r) {
                           caf::anon_send(self, deed_done{index, r.how, {r.about}, r.soon});
                       });
            return;
        }
        if (d.who == saga::doer::agent && what_.about.host.empty()) {  // never placed: no host holds anything
            ++at_;
            return next();
        }
        port::device to{port::device_kind::agent, what_.about.host.text};
        if (d.who == saga::doer::proxy) {
            const auto proxy = controller_.any_proxy();
            if (!proxy) return wait();
            to = *proxy;
        }
        // An end that is opened before any proxy was heard of would have nowhere to go.
        if (d.device_act == act::open_end && what_.about.proxy_endpoint.empty()) return wait();
        outstanding_ = {to, controller_.order_device(to, order_of(d), [self, index = at_](const report& r) {
            caf::anon_send(self, deed_done{index, r.how, r.about});
        })};
    }

    // A controller that has just started knows no device yet: as long as its step allows.
    void wait() { delayed_send(this, look_again, go{}); }

    // Never, but for bugs that are planted.
    static bool forgotten(const saga::deed& d, side here) {
        const bool there = here == side::destination;
        return (planted(bug::resume_without_right) && d.books_entry == saga::entry::acquire) ||
               (planted(bug::release_without_proof) && d.device_act == act::prove_off) ||
               (planted(bug::room_kept_for_nobody) && d.books_entry == saga::entry::forget) ||
               (planted(bug::undo_leaves_files) && there && d.device_act == act::discard) ||
               (planted(bug::undo_leaves_ports) && there && d.device_act == act::detach) ||
               (planted(bug::source_not_retired) && !there && d.device_act == act::discard) ||
               (planted(bug::channel_left_open) && (d.device_act == act::close_relay || d.device_act == act::close_end));
    }

    order order_of(const saga::deed& d) const {
        order o;
        o.key = what_.key;
        o.what = planted(bug::discard_of_the_source) && d.device_act == act::abort_copy ? act::discard : d.device_act;
        o.about = what_.about;
        if (d.device_act == act::extend_vans || d.device_act == act::attach_silent)
            o.vans = controller_.vans_of(what_.about.vm);
        if (d.device_act == act::set_routes) o.routes = controller_.routes_of(what_.about);
        if (d.device_act == act::send_record) o.record = to_json(release_record(what_.about));
        return o;
    }

    static vm::run_right_released release_record(const job& j) { return {j.id, j.peer, j.run_right}; }

    void finish(const step_result& how) {
        if (what_.about.here == side::source) {
            migration::hear_result r{side::source, what_.key, how, {}};
            controller_.actors().deliver(for_whom_, command(migration::command(std::move(r))));
        } else {
            visit::hear_result r{what_.key, how, what_.about.host, what_.about.ticket};
            if (what_.key.what != op::reserve) r.ticket = {};
            controller_.actors().deliver(for_whom_, command(visit::command(std::move(r))));
        }
        quit(caf::exit_reason::user_shutdown);
    }

    controller& controller_;
    const stream_id for_whom_;
    errand what_;
    const std::span<const saga::deed> deeds_;
    std::size_t at_ = 0;
    step_result last_;
    const std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
    std::optional<std::pair<port::device, std::uint64_t>> outstanding_;
};

}  // namespace

caf::actor spawn_errand(controller& c, const stream_id& stream, const errand& what) {
    return c.actors().system.spawn<errand_actor>(std::ref(c), stream, what);
}

}  // namespace caravan::runtime
