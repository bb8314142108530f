#include "adapters/channel/relay.hpp"

#include <cstring>

namespace caravan::channel {

using outcome = wire::outcome;

void relay::give(direction side, std::shared_ptr<wire> end) {
    if (stopped()) return end->abort();
    if (end->secure())
        end->when_reset([held = weak_from_this()] {
            if (const auto self = held.lock()) self->end(ending::broken);
        });
    from(side) = std::move(end);
}

void relay::flow(direction way) {
    if (stopped() || at(way).flowing) return;
    at(way).flowing = true;
    pump(way);
}

// One wait at a time per way: `busy` says that a handler will come back here.
void relay::pump(direction way) {
    constexpr int rounds = 16;  // then others have their turn
    current& now = at(way);
    if (stopped() || now.busy || !now.flowing) return;
    const auto self = shared_from_this();
    for (int round = 0; round < rounds; ++round) {
        if (!(now.rest.empty() ? take(way) : send(way))) return;
        if (stopped() || now.busy) return;
        if (now.last && now.rest.empty()) return end(ending::ended);
    }
    wait(way, *to(way), outcome::wait_write);
}

bool relay::take(direction way) {
    current& now = at(way);
    if (!now.room) now.room.reset(new char[buffer_size]);
    const std::size_t held = now.held.size();
    if (held > 0) std::memmove(now.room.get(), now.held.data(), held);
    now.held = {now.room.get(), held};
    std::size_t got = 0;
    const outcome what = from(way)->read({now.room.get() + held, buffer_size - held}, got);
    if (what == outcome::broken) return end(ending::broken), false;
    if (what == outcome::ended) {
        now.last = true;
        at(other(way)).flowing = false;  // nobody is there to hear it
        return true;
    }
    if (what != outcome::moved) return wait(way, *from(way), what), false;
    owner_->carried(way, got);
    if (stopped()) return false;
    if (gate_) return hand_to_gate(way, {now.room.get(), got});
    if (disk_gate_) return hand_to_disk_gate(way, held + got);
    now.rest = {now.room.get(), got};
    return true;
}

void relay::current::say(const std::string& more) {
    said.erase(0, said.size() - rest.size());
    said += more;
    rest = said;
}

bool relay::hand_to_gate(direction way, std::string_view got) {
    const gate::verdict says = gate_->take(way, got);
    if (!says.finishing) finishing_since_.reset();
    else if (!finishing_since_) finishing_since_ = std::chrono::steady_clock::now();
    at(way).say(says.forward);
    at(other(way)).say(says.answer);
    if (says.refused || says.destination_ready || !says.inside.empty()) {
        if (!says.refused) send(way);  // the listener hears that it went by, not that it will
        if (!stopped()) owner_->judged(shared_from_this(), says);
    }
    if (!stopped() && !says.answer.empty()) pump(other(way));
    return !stopped();
}

bool relay::hand_to_disk_gate(direction way, std::size_t size) {
    current& now = at(way);
    const std::size_t passed = disk_gate_->take(way, {now.room.get(), size});
    now.rest = {now.room.get(), passed};
    now.held = {now.room.get() + passed, size - passed};
    if (const auto& why = disk_gate_->refused()) {
        gate::verdict says;
        says.refused = *why;
        owner_->judged(shared_from_this(), says);
    }
    return !stopped();
}

bool relay::send(direction way) {
    current& now = at(way);
    if (now.rest.empty()) return true;
    std::size_t put = 0;
    const outcome what = to(way)->write(now.rest, put);
    now.rest.remove_prefix(put);
    if (what == outcome::moved) return true;
    if (what == outcome::broken) return end(ending::broken), false;
    if (what == outcome::ended) {  // a plain end has closed: what it said before is still to come
        now.flowing = false;
        now.rest = {};
        if (now.last) end(ending::ended);
        return false;
    }
    return wait(way, *to(way), what), false;
}

void relay::wait(direction way, wire& on, outcome why) {
    at(way).busy = true;
    on.when(why, [self = shared_from_this(), way] {
        self->at(way).busy = false;
        self->pump(way);
    });
}

void relay::end(ending how) {
    if (stopped()) return;
    const auto self = shared_from_this();
    relay_owner* told = std::exchange(owner_, nullptr);
    for (const auto& one : ends_)
        if (one) how == ending::ended ? one->finish() : one->abort();
    told->over(self, how);
}

void relay::stop(direction own_host) {
    owner_ = nullptr;
    if (from(own_host)) from(own_host)->abort();
    if (to(own_host)) to(own_host)->abort();
}

void relay::part() {
    owner_ = nullptr;
    for (const direction way : {direction::call, direction::reply}) {
        std::size_t put = 0;
        if (to(way) && !at(way).rest.empty()) to(way)->write(at(way).rest, put);
    }
    for (const auto& one : ends_)
        if (one) one->finish();
}

bool relay::stuck(std::chrono::steady_clock::time_point now, std::chrono::milliseconds stall) {
    if (finishing_since_ && now - *finishing_since_ >= stall) return true;
    for (const direction way : {direction::call, direction::reply}) {
        const auto& end = to(way);
        current& one = at(way);
        if (!end || !end->secure() || end->closed()) continue;
        const pulse beat = end->health();
        const bool owes = beat.owed || !one.rest.empty();
        if (!owes || beat.moved != one.moved || one.quiet_since == decltype(now){})
            one.quiet_since = now;
        one.moved = beat.moved;
        if (beat.silence >= stall || now - one.quiet_since >= stall) return true;
    }
    return false;
}

}  // namespace caravan::channel
