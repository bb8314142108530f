#include "tests/unit/sagas/federation.hpp"

namespace caravan::test {

// ---- what goes wrong

void federation::restart(cell& c) {
    ++restarts;
    ++c.life;
    cell fresh;
    fresh.name = c.name;
    fresh.journal = c.journal;
    fresh.versions = c.versions;
    fresh.feed = c.feed;
    fresh.heard = c.heard - std::min<std::size_t>(c.heard, static_cast<std::size_t>(luck.engine() % 4));
    fresh.dark_until = c.dark_until;
    fresh.life = c.life;
    fresh.devices_busy = c.devices_busy;
    for (const auto& bytes : c.journal) {
        const auto e = decode(bytes.shared, bytes.inside);
        if (!e) return complain("the journal cannot be read: " + e.error().detail);
        evolve_all(fresh, e->stream.text, e->what, e->time);
    }
    const auto was = std::exchange(c, std::move(fresh));
    const auto same = [&](const std::string& stream, const auto& before, const auto& after) {
        if (before.now != after.now) complain("replay gives another state of " + stream);
    };
    for (const auto& [stream, s] : was.vms) same(stream, s, c.vms[stream]);
    for (const auto& [stream, s] : was.sagas) {
        same(stream, s, c.sagas[stream]);
        auto blind = s;
        blind.seen = {};
        const auto a = pending(blind), b = pending(c.sagas[stream]);
        for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
            if (a.size() != b.size() || a[i].index() != b[i].index()) complain("replay waits for something else");
            else if (const auto* x = std::get_if<errand>(&a[i]))
                if (!(x->key == std::get<errand>(b[i]).key && x->about == std::get<errand>(b[i]).about &&
                      x->not_before == std::get<errand>(b[i]).not_before))
                    complain("replay has another errand for " + stream);
        }
    }
    for (const auto& [stream, s] : was.visits) same(stream, s, c.visits[stream]);
    for (const auto& [stream, s] : c.sagas) refresh(c, stream);
    for (const auto& [stream, s] : c.visits) refresh(c, stream);
    hear_soon(c);
}

void federation::misfortune() {
    if (time.now() > faults_end_) {
        luck.faults = false;
        return;
    }
    auto& c = cells[luck.engine() % 2];
    if (luck.chance(0.4)) restart(c);
    if (luck.chance(0.2)) c.dark_until = time.now() + luck.between(1s, 15min);
    if (luck.chance(0.1)) outside.lose_channel(luck.engine() % 2);
    time.after(luck.between(1s, 2min), [this] { misfortune(); });
}

// ---- what must hold at every instant

void federation::complain(const std::string& what) {
    if (violation.empty()) violation = what + " at " + format_instant(time.now()) + " in " + id;
}

void federation::check() {
    if (!outside.violation.empty()) complain(outside.violation);
    if (outside.running() > 1) complain("two copies run");
    const auto holds = [](const vm::state& v) {
        return v.now == vm::phase::running || v.now == vm::phase::moving || v.now == vm::phase::stopped;
    };
    for (auto& c : cells)
        if (holds(c.vms[guest])) highest_ = std::max(highest_, c.vms[guest].run_right);
    int by_right = 0;
    for (auto& c : cells) {
        if (!holds(c.vms[guest])) continue;
        if (c.vms[guest].run_right == highest_) ++by_right;
        // A destination that did not hear yet of the reclaim: it is fenced.
        else if (!cells[from].sagas["migration/" + id].reclaimed) complain("an old epoch runs");
    }
    if (by_right > 1) complain("two clouds hold the run-right");
    const auto& s = cells[from].sagas["migration/" + id];
    if (migration::over(s)) {
        migration::state before;
        before.now = seen_;
        if (migration::over(before) && seen_ != s.now)
            complain("an end changed");
    }
    seen_ = s.now;
    const auto& v = cells[from].vms[guest];
    if (outside.here.guest == copy::running &&
        (v.now == vm::phase::released || (v.now == vm::phase::absent && v.run_right.value)))
        complain("the source runs after its release");
}

}  // namespace caravan::test
