#include "actors/runtime/site.hpp"

#include "actors/care/need.hpp"
#include "actors/runtime/shell.hpp"

namespace caravan::runtime {

site::site(caf::actor_system& system, loops& home, port::link_client& link,
           std::function<void(const std::string&)> log)
    : system_(system), home_(home), link_(link), log_(std::move(log)),
      greeter_(home.start("greeter", [this] { return say_hello(); })) {}

site::~site() { stop(); }

void site::close() {
    {
        const std::lock_guard there(presence_->mutex);
        if (std::exchange(presence_->over, true)) return;
    }
    {
        const std::lock_guard lock(mutex_);
        for (auto& a : adapters_) leaving_.push_back(a->actor);
    }
    greeter_->stop();
    for (auto& a : adapters_) a->pool->stop();
    for (const auto& actor : leaving_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

// Nothing that refers to this site, or to its ports, is under way when it returns.
void site::stop() {
    close();
    if (leaving_.empty()) return;
    caf::scoped_actor self{system_};
    self->wait_for(std::exchange(leaving_, {}));
}

void site::add(const char* name, std::size_t threads, adapter_acts acts) {
    const std::lock_guard lock(mutex_);
    auto& a = adapters_.emplace_back(std::make_unique<adapter>());
    a->name = name;
    a->pool = std::make_shared<workers>(home_, threads);
    a->under_way = std::make_shared<calls>(a->pool);
    a->deaths = std::make_shared<std::atomic<std::uint32_t>>(0);
    a->acts = std::move(acts);
    raise(*a);
}

void site::raise(adapter& a) {
    a.actor = spawn_adapter(system_, a.under_way, a.acts, a.deaths);
    a.actor->attach_functor([this, which = &a, presence = presence_](const caf::error& why) {
        const std::lock_guard there(presence->mutex);
        if (!presence->over && why && why != caf::exit_reason::user_shutdown) bring_back(*which, why);
    });
}

void site::bring_back(adapter& a, const caf::error& why) {
    const auto times = ++*a.deaths;
    log_(a.name + "'s actor died and is brought back: " + to_string(why));
    if (times >= care::of_actors.limit)
        send(frame_of("dead_adapter",
                      dead_adapter{a.name, "died " + std::to_string(times) + " times in a row, at last: " + to_string(why)}));
    {
        const std::lock_guard lock(mutex_);
        raise(a);
    }
    greet();  // the controller sends again what was under way
}

caf::actor site::actor_of(act one) {
    const std::lock_guard lock(mutex_);
    for (auto& a : adapters_)
        if (a->acts.acts.contains(one)) return a->actor;
    return {};
}

void site::kill(act one) {
    if (const auto actor = actor_of(one)) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void site::greet() {
    greeting_ = true;
    greeter_->wake();
}

std::optional<duration> site::say_hello() {
    if (!greeting_.exchange(false)) return greeted_ ? look_around() : std::nullopt;
    auto frame = hello();
    if (frame.empty()) {
        greeting_ = true;
        return std::chrono::milliseconds(500);
    }
    send(std::move(frame));
    greeted_ = true;
    return std::chrono::seconds(0);
}

void site::connected(const port::device&) { greet(); }

void site::received(const port::device&, std::string frame) {
    const auto document = json_document::parse(frame);
    const auto kind = document ? document->root().at("frame") : std::nullopt;
    const auto is = document ? document->root().at("is") : std::nullopt;
    if (!kind || kind->as_text() != "order" || !is) return log_("a frame that is no order");
    auto what = from_json<order>(*is);
    if (!what) return log_("a malformed order: " + what.error().detail);
    const auto actor = actor_of(what->what);
    if (!actor) {
        return send(frame_of("report", report{what->number, {outcome::permanent, "not_my_act"}, {}, {}}));
    }
    caf::anon_send(actor, order_mail{std::move(*what), [this](const report& r) {
        if (r.how.ended != outcome::ok) log_("order failed: " + r.how.reason + ": " + r.detail);
        send(frame_of("report", r));
    }});
}

}  // namespace caravan::runtime
