// Many migrations both ways while whatever can die dies: actors of things, errands, adapters,
// control links, copies. Afterwards every saga has ended, every VM runs once, and nothing is left.
//
//   CARAVAN_SEED=N   the same faults in the same order (their instants are the machine's)
//   CARAVAN_LONG=1   hundreds of migrations rather than tens
#include <catch2/catch.hpp>
#include <cstdlib>
#include <mutex>
#include <random>

#include "adapters/sqlite/journal_audit.hpp"
#include "tests/sim/federation.hpp"

using namespace caravan;
using namespace caravan::testing;

namespace {

struct size {
    std::uint32_t vms;
    std::size_t rounds;  // migrations of each VM
    std::chrono::seconds patience;
};

std::uint64_t seed_wanted() {
    const char* given = std::getenv("CARAVAN_SEED");
    return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}
size size_wanted() {
    return std::getenv("CARAVAN_LONG") ? size{100, 4, 600s} : size{24, 4, 120s};
}

class chaos {
  public:
    chaos(federation& f, std::uint64_t seed) : f_(f), random_(seed) {
        for (auto* c : {&f_.a, &f_.b}) remember_errands(*c);
    }

    void begun(const migration_id& id) { migrations_.push_back(id); }

    void strike() {
        using deed = void (chaos::*)(whole_cloud&);
        // Each as often as it stands here: what costs a migration its copy is rare.
        constexpr deed deeds[] = {&chaos::kill_migration,
                                  &chaos::kill_migration,
                                  &chaos::kill_visit,
                                  &chaos::kill_visit,
                                  &chaos::kill_vm,
                                  &chaos::kill_thing,
                                  &chaos::kill_errand,
                                  &chaos::kill_errand,
                                  &chaos::kill_adapter,
                                  &chaos::cut_link,
                                  &chaos::heal_links,
                                  &chaos::heal_links,
                                  &chaos::feed};
        (this->*deeds[pick(std::size(deeds))])(any_cloud());
    }
    void cut_a_copy() {
        if (!migrations_.empty()) f_.world.close_streams(migrations_[pick(migrations_.size())]);
    }
    void heal() {
        for (auto* c : {&f_.a, &f_.b}) {
            heal_links(*c);
            c->feed_outage = false;
        }
    }
    std::size_t pick(std::size_t below) { return random_() % below; }

  private:
    whole_cloud& any_cloud() { return pick(2) ? f_.a : f_.b; }
    void kill(whole_cloud& c, const std::string& stream) {
        c.controller->actors().kill(stream_id(stream));
    }
    void kill_one(whole_cloud& c, const char* kind) {
        if (!migrations_.empty()) kill(c, kind + migrations_[pick(migrations_.size())].text);
    }
    void kill_migration(whole_cloud& c) { kill_one(c, "migration/"); }
    void kill_visit(whole_cloud& c) { kill_one(c, "visit/"); }
    void kill_vm(whole_cloud& c) { kill(c, "vm/vm" + std::to_string(1 + pick(8))); }
    void kill_thing(whole_cloud& c) {
        const std::string all[] = {"van/lan", "cloud/" + c.peer.text,
                                   "host/" + c.host_names[0].text};
        kill(c, all[pick(std::size(all))]);
    }
    void kill_errand(whole_cloud&) {
        const std::lock_guard lock(mutex_);
        if (errands_.empty()) return;
        const auto one = caf::actor_cast<caf::actor>(errands_[pick(errands_.size())]);
        if (one) caf::anon_send_exit(one, caf::exit_reason::kill);
    }
    void kill_adapter(whole_cloud& c) {
        constexpr act all[] = {act::start_copy, act::attach_silent, act::open_end, act::open_relay,
                               act::set_routes};
        const auto which = pick(std::size(all));
        if (which < 3)
            c.agents[pick(c.agents.size())]->kill(all[which]);
        else
            c.proxy->kill(all[which]);
    }
    port::device any_device(whole_cloud& c) {
        const auto which = pick(c.host_names.size() + 1);
        return which ? c.device_of(which - 1) : c.proxy_device();
    }
    void cut_link(whole_cloud& c) { c.hub.cut(any_device(c)); }
    void heal_links(whole_cloud& c) {
        c.hub.heal(c.proxy_device());
        for (std::size_t i = 0; i < c.host_names.size(); ++i) c.hub.heal(c.device_of(i));
    }
    void feed(whole_cloud& c) { c.feed_outage = !c.feed_outage; }

    void remember_errands(whole_cloud& c) {
        auto& shell = c.controller->actors();
        shell.set_performer([this, perform = shell.perform](
                                runtime::shell& s, const stream_id& stream, const errand& e) {
            auto made = perform(s, stream, e);
            const std::lock_guard lock(mutex_);
            errands_.push_back(caf::actor_cast<caf::weak_actor_ptr>(made));
            if (errands_.size() > 32) errands_.erase(errands_.begin());
            return made;
        });
    }

    federation& f_;
    std::mt19937_64 random_;
    std::vector<migration_id> migrations_;
    std::mutex mutex_;
    std::vector<caf::weak_actor_ptr> errands_;
};

std::string name_of(std::uint32_t number) {
    return "vm" + std::to_string(number);
}

// Moves each VM from where it is as soon as it may move again; true when all moves have ended.
class movers {
  public:
    movers(federation& f, chaos& c, const size& s)
        : f_(f), chaos_(c), left_(s.vms, s.rounds), at_(s.vms), now_(s.vms) {
        for (std::uint32_t i = 0; i < s.vms; ++i) at_[i] = i % 2 ? &f.a : &f.b;
    }
    bool look() {
        bool all = true;
        for (std::size_t i = 0; i < left_.size(); ++i) all = one(i) && all;
        return all;
    }
    std::string still_running() const {
        std::string text;
        for (std::size_t i = 0; i < now_.size(); ++i) {
            if (now_[i].empty()) continue;
            const auto m = at_[i]->migration(now_[i]);
            text +=
                name_of(std::uint32_t(i + 1)) + " by " + now_[i].text + " from " +
                at_[i]->name.text + " is " +
                (m ? m->state + " in " + m->phase + " " + m->reason + " " + m->stuck : "unknown") +
                "\n";
        }
        return text;
    }
    std::size_t done = 0, undone = 0;

  private:
    bool one(std::size_t i) {
        if (!now_[i].empty()) {
            if (!at_[i]->ended(now_[i])) return false;
            const bool moved = at_[i]->migration(now_[i])->state == "done";
            ++(moved ? done : undone);
            if (moved) at_[i] = &f_.other(*at_[i]);
            now_[i] = {};
        }
        if (!left_[i]) return true;
        const auto r = at_[i]->migrate(name_of(std::uint32_t(i + 1)));
        if (r.status == "accepted") {
            now_[i] = r.migration;
            chaos_.begun(r.migration);
            --left_[i];
        }
        return false;
    }
    federation& f_;
    chaos& chaos_;
    std::vector<std::size_t> left_;
    std::vector<whole_cloud*> at_;
    std::vector<migration_id> now_;
};

void is_right(federation& f, const size& s) {
    for (const auto& v : f.world.violations()) FAIL_CHECK(v);
    await([&] { return f.world.leftovers().empty(); }, 10s);
    for (const auto& left : f.world.leftovers()) FAIL_CHECK(left);
    for (std::uint32_t i = 1; i <= s.vms; ++i) {
        INFO(name_of(i));
        const auto home = f.home_of(name_of(i));
        REQUIRE_FALSE(home.cloud.empty());
        auto& there = f.cloud_of(home.cloud);
        CHECK(await([&] { return there.vm(name_of(i)).state == "running"; }));
        CHECK(there.vm(name_of(i)).host == home.host);
        CHECK(await([&] { return f.other(there).vm(name_of(i)).state == "absent"; }));
        CHECK(f.other(there).vm(name_of(i)).run_right <= there.vm(name_of(i)).run_right);
    }
    for (auto* c : {&f.a, &f.b}) {
        CHECK(await([&] { return c->state() == c->replayed_state(); }));
        const auto audited = adapter::audit(c->journal());
        REQUIRE(audited);
        INFO(audited->what);
        CHECK_FALSE(audited->bad);
        c->controller->with_view([](const topology::federation& v) {
            for (const auto& [name, h] : v.hosts) CHECK(h.reserved.empty());
            for (const auto& [id, m] : v.migrations) {
                INFO(id.text);
                CHECK(m.state != "running");
            }
        });
    }
}

}  // namespace

TEST_CASE("migrations survive whatever dies") {
    const auto seed = seed_wanted();
    const auto s = size_wanted();
    INFO("run again with CARAVAN_SEED=" << seed);
    ground g;
    g.pace.rate = 400 << 20;
    g.pace.trip = g.pace.confirm = 5ms;
    federation f(g);
    chaos c(f, seed);
    for (std::uint32_t i = 1; i <= s.vms; ++i)
        f.boot((i - 1) % 2 ? f.a : f.b, i / 2 % 2, {name_of(i), "lan", i});
    movers m(f, c, s);

    const auto begun = std::chrono::steady_clock::now();
    const auto calm_at = begun + (s.vms > 50 ? 120s : 20s);
    bool over = false;
    for (std::size_t turn = 0; !over && std::chrono::steady_clock::now() < begun + s.patience;
         ++turn) {
        over = m.look();
        if (std::chrono::steady_clock::now() > calm_at)
            c.heal();
        else
            c.strike();
        if (turn == 50 || turn == 100) c.cut_a_copy();
        std::this_thread::sleep_for(std::chrono::milliseconds(5 + c.pick(20)));
    }
    c.heal();
    INFO(m.still_running());
    REQUIRE(over);
    INFO("done " << m.done << ", undone " << m.undone);
    CHECK(m.done > 0);
    // The peers' last words: a visit ends after its migration.
    const auto settled = [&](const whole_cloud& one) {
        bool all = true;
        one.controller->with_view([&](const topology::federation& v) {
            for (const auto& [id, x] : v.migrations) all = all && x.state != "running";
        });
        return all;
    };
    CHECK(await([&] { return settled(f.a) && settled(f.b); }, 60s));
    is_right(f, s);
}
