#include "tests/chaos/strikes.hpp"

namespace caravan::testing {

namespace {
constexpr std::size_t errands_known = 64;  // the latest: most of them live
}

strikes::strikes(federation& f, std::uint32_t vms, std::uint64_t seed) : f_(f), vms_(vms), random_(seed) {
    for (auto* c : {&f_.a, &f_.b}) remember_errands(*c);
}

void strikes::begun(const migration_id& id) { under_way_.insert(id); }
void strikes::ended(const migration_id& id) { under_way_.erase(id); }

void strikes::one() {
    constexpr deed deeds[] = {  // each as often as it stands here
        &strikes::kill_saga,    &strikes::kill_saga,  &strikes::kill_visit,  &strikes::kill_visit,
        &strikes::kill_vm,      &strikes::kill_thing, &strikes::kill_errand, &strikes::kill_errand,
        &strikes::kill_adapter, &strikes::cut_link,   &strikes::heal_links,  &strikes::heal_links,
        &strikes::toggle_feed};
    (this->*deeds[pick(std::size(deeds))])(pick(2) ? f_.a : f_.b);
}

void strikes::cut_a_copy() {
    if (!under_way_.empty()) f_.world.close_streams(*std::next(under_way_.begin(), long(pick(under_way_.size()))));
}

void strikes::heal() {
    for (auto* c : {&f_.a, &f_.b}) {
        heal_links(*c);
        c->feed_outage = false;
    }
}

void strikes::kill(whole_cloud& c, const std::string& stream) {
    if (c.controller->actors().kill(stream_id(stream))) ++killed_;
}

void strikes::kill_of_migration(whole_cloud& c, const char* kind) {
    if (under_way_.empty()) return;
    kill(c, kind + std::next(under_way_.begin(), long(pick(under_way_.size())))->text);
}

void strikes::kill_vm(whole_cloud& c) { kill(c, "vm/vm" + std::to_string(1 + pick(vms_))); }

void strikes::kill_thing(whole_cloud& c) {
    std::vector<std::string> all{"van/lan", "cloud/" + c.peer.text};  // each replays all that it ever heard
    for (const auto& host : c.host_names) all.push_back("host/" + host.text);
    kill(c, all[pick(all.size())]);
}

void strikes::kill_errand(whole_cloud&) {
    const std::lock_guard lock(mutex_);
    if (errands_.empty()) return;
    const auto victim = caf::actor_cast<caf::actor>(errands_[pick(errands_.size())]);
    if (!victim) return;
    caf::anon_send_exit(victim, caf::exit_reason::kill);
    ++killed_;
}

void strikes::kill_adapter(whole_cloud& c) {
    constexpr act of_agent[] = {act::start_copy, act::attach_silent, act::open_end};
    constexpr act of_proxy[] = {act::open_relay, act::set_routes};
    const auto which = pick(std::size(of_agent) + std::size(of_proxy));
    if (which < std::size(of_agent)) c.agents[pick(c.agents.size())]->kill(of_agent[which]);
    else c.proxy->kill(of_proxy[which - std::size(of_agent)]);
    ++killed_;
}

void strikes::cut_link(whole_cloud& c) {
    const auto which = pick(c.host_names.size() + 1);
    c.hub.cut(which ? c.device_of(which - 1) : c.proxy_device());
}

void strikes::heal_links(whole_cloud& c) {
    c.hub.heal(c.proxy_device());
    for (std::size_t i = 0; i < c.host_names.size(); ++i) c.hub.heal(c.device_of(i));
}

void strikes::remember_errands(whole_cloud& c) {
    auto& shell = c.controller->actors();
    shell.set_performer([this, perform = shell.perform](runtime::shell& s, const stream_id& stream, const errand& e) {
        auto made = perform(s, stream, e);
        const std::lock_guard lock(mutex_);
        errands_.push_back(caf::actor_cast<caf::weak_actor_ptr>(made));
        if (errands_.size() > errands_known) errands_.pop_front();
        return made;
    });
}

}  // namespace caravan::testing
