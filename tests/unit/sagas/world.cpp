#include "tests/unit/sagas/world.hpp"

namespace caravan::test {

void agenda::at(instant when, std::function<void()> what) {
    items_.push({std::max(when, now_), ++count_, std::move(what)});
}

bool agenda::step() {
    if (items_.empty()) return false;
    auto next = items_.top();
    items_.pop();
    now_ = next.when;
    next.what();
    return true;
}

void world::perform(bool source, act what, std::function<void(result<std::string>)> done) {
    if (source && what == act::start_copy) return copy_begins(std::move(done));
    done(source ? at_source(what) : at_destination(what));
}

void world::copy_begins(std::function<void(result<std::string>)> done) {
    if (here.job) return following_.push_back(std::move(done));
    if (here.guest != copy::running) {
        const bool over = here.guest != copy::absent && there.guest == copy::paused;
        return done(over ? result<std::string>("") : permanent("vm_not_running"));
    }
    if (!(here.relay && here.end && there.relay && there.end && there.staged))
        return done(transient("channel_closed"));
    here.job = true;
    there.guest = copy::arriving;
    following_.push_back(std::move(done));
    const auto number = ++here.copies;
    time_.after(luck_.between(2s, 40s), [this, number] {
        if (here.job && here.copies == number) copy_ends();
    });
}

void world::copy_ends() {
    if (luck_.chance(0.1)) return copy_breaks();
    here.job = false;
    there.guest = copy::paused;
    const bool reply_lost = luck_.chance(0.15);
    here.guest = reply_lost ? copy::paused : copy::off;
    // A source that missed the reply resumes itself; one whose libvirtd died stays paused.
    if (reply_lost && luck_.chance(0.7))
        time_.after(16s, [this, number = here.copies] { wake_up(number); });
    const bool known = !reply_lost && !luck_.chance(0.1);
    for (auto& tell : std::exchange(following_, {}))
        tell(known ? result<std::string>("") : unknown("connection_lost"));
}

void world::copy_breaks() {
    here.job = false;
    if (there.guest == copy::arriving) there.guest = copy::absent;
    const bool known = !luck_.chance(0.3);
    for (auto& tell : std::exchange(following_, {}))
        tell(known ? result<std::string>(transient("copy_failed")) : unknown("connection_lost"));
}

void world::lose_channel(bool source) {
    auto& at = source ? here : there;
    at.relay = at.end = false;
    if (here.job) copy_breaks();
}

void world::wake_up(std::uint64_t number) {
    if (here.copies == number && here.guest == copy::paused) here.guest = copy::running;
}

void world::discard(site& at) {
    if (at.guest == copy::running) violation = "a running copy was discarded";
    at.guest = copy::absent;
    at.staged = false;
}

result<std::string> world::at_source(act what) {
    switch (what) {
        case act::open_end: here.end = true; return "";
        case act::open_relay: here.relay = true; return "";
        case act::close_end: here.end = false; break;
        case act::close_relay: here.relay = false; break;
        case act::abort_copy:
            if (here.guest == copy::absent) violation = "an absent VM was to be kept";
            if (here.job) copy_breaks();
            here.guest = copy::running;
            return "";
        case act::prove_off:
            if (here.job) return transient("job_active");
            if (here.guest == copy::running) return permanent("still_running");
            here.guest = copy::off;
            return "";
        case act::discard: discard(here); return "";
        case act::detach: here.port = false; return "";
        case act::observe:
            if (here.guest == copy::off) return "off";
            return std::string(here.guest == copy::paused ? "paused" : "running") + (here.job ? "_with_job" : "");
        default: return "";
    }
    if (here.job && luck_.chance(0.9)) copy_breaks();
    return "";
}

result<std::string> world::at_destination(act what) {
    switch (what) {
        case act::stage: there.staged = true; return "";
        case act::attach_silent: there.port = true; return "";
        case act::open_end: there.end = true; return "";
        case act::open_relay: there.relay = true; return "";
        case act::close_end: there.end = false; break;
        case act::close_relay: there.relay = false; break;
        case act::discard:
            if (here.job) copy_breaks();
            discard(there);
            return "";
        case act::detach: there.port = false; return "";
        case act::resume:
            if (there.guest != copy::paused && there.guest != copy::running) return permanent("copy_not_whole");
            there.guest = copy::running;
            return "";
        case act::observe: return there.guest == copy::paused || there.guest == copy::running ? "whole" : "nothing";
        default: return "";
    }
    if (here.job && luck_.chance(0.9)) copy_breaks();
    return "";
}

}  // namespace caravan::test
