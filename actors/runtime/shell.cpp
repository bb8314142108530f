#include "actors/runtime/shell.hpp"

#include "actors/care/need.hpp"

namespace caravan::runtime {

shell::shell(caf::actor_system& sys, loops& home, runtime::ledger& l, port::journal& j, const port::clock& c,
             cloud_name name)
    : system(sys), ledger(l), journal(j), clock(c), own(std::move(name)),
      timers_(home, c, [this](const stream_id& stream) { revive(stream); }) {}

shell::~shell() { close(); }

void shell::close() {
    closing_ = true;
    for (auto& s : shards_) {
        const std::lock_guard lock(s.mutex);
        for (auto& [stream, actor] : s.living) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
        s.living.clear();
    }
}

void shell::add_kind(const std::string& prefix, spawner s) { kinds_[prefix] = std::move(s); }

caf::actor shell::living_one(shard& s, const stream_id& stream) {
    auto& actor = s.living[stream];
    if (actor) return actor;
    const auto kind = kinds_.find(std::string_view(stream.text).substr(0, stream.text.find('/')));
    if (kind == kinds_.end() || closing_) {
        s.living.erase(stream);
        return {};
    }
    actor = kind->second(*this, stream);
    // Supervision: whoever dies otherwise than by going home is brought back, later each time. It lives from its
    // first mail on (lazy_init): of one that has died already CAF would tell at once, here, under the shard's lock.
    actor->attach_functor([this, stream](const caf::error& why) {
        if (why && why != caf::exit_reason::user_shutdown) died(stream, why);
    });
    return actor;
}

void shell::deliver(const stream_id& to, command_mail mail) {
    // A mail to one who has just died is dropped, and answered by that: not under the lock.
    const auto answer = mail.answer;
    auto& s = shard_of(to);
    {
        const std::lock_guard lock(s.mutex);
        if (const auto actor = living_one(s, to)) {
            caf::anon_send(actor, std::move(mail));
            return;
        }
    }
    answer({{}, refusal{"no_such_stream", to.text}, {}});
}

void shell::revive(const stream_id& stream) {
    auto& s = shard_of(stream);
    const std::lock_guard lock(s.mutex);
    if (const auto actor = living_one(s, stream)) caf::anon_send(actor, ring_mail{});
}

bool shell::kill(const stream_id& stream) {
    auto& s = shard_of(stream);
    const std::lock_guard lock(s.mutex);
    const auto found = s.living.find(stream);
    if (found == s.living.end()) return false;
    caf::anon_send_exit(found->second, caf::exit_reason::kill);
    return true;
}

void shell::died(const stream_id& stream, const caf::error& why) {
    const auto now = clock.now();
    auto& s = shard_of(stream);
    death known;
    {
        const std::lock_guard lock(s.mutex);
        s.living.erase(stream);
        auto& d = s.deaths[stream];
        d.in_a_row = now > d.back + care::calm_after ? 1 : d.in_a_row + 1;
        d.back = now + care::pause_after(care::of_actors, d.in_a_row);
        known = d;
    }
    if (closing_) return;
    timers_.set(stream, known.back);
    const bool of_care = stream.text.starts_with("actor/") || stream.text.starts_with("adapter/");
    if (known.in_a_row >= care::of_actors.limit && !of_care)
        deliver(stream_id("actor/" + stream.text),
                command(care::command(care::died{now, "died " + std::to_string(known.in_a_row) + " times in a row, at last: " + to_string(why)})));
}

void shell::ring_at(const stream_id& stream, instant at) { timers_.set(stream, at); }
void shell::ring_never(const stream_id& stream) { timers_.cancel(stream); }

bool shell::put_away(const stream_id& stream, const caf::actor& self, const std::function<bool()>& mailbox_empty) {
    auto& s = shard_of(stream);
    const std::lock_guard lock(s.mutex);
    if (!mailbox_empty()) return false;
    const auto found = s.living.find(stream);
    if (found != s.living.end() && found->second == self) s.living.erase(found);
    s.deaths.erase(stream);
    return true;
}

}  // namespace caravan::runtime
