#include "actors/runtime/adapter.hpp"

#include "actors/care/need.hpp"
#include "actors/runtime/shell.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

struct act_done {
    std::string key;
    act_result how;
};
struct act_begun {
    migration_id migration;
};
struct act_ended {
    migration_id migration;
    result<void> how;
};
struct wake_up {};
struct lived {};

}  // namespace caravan::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::act_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::act_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::act_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::wake_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caravan::runtime::lived)

namespace caravan::runtime {

namespace {

constexpr std::size_t remembered_max = 1024;  // what is forgotten is done again, which changes nothing
constexpr std::string_view seen_prefix = "seen:";

step_result step_result_of(const failure& f) {
    if (f.reason.starts_with(seen_prefix)) return {outcome::ok, f.reason.substr(seen_prefix.size())};
    constexpr outcome kinds[] = {outcome::transient, outcome::permanent, outcome::unknown};
    return {kinds[static_cast<std::size_t>(f.kind)], f.reason};
}

class adapter_actor : public caf::event_based_actor {
  public:
    adapter_actor(caf::actor_config& config, std::shared_ptr<calls> under_way, adapter_acts what,
                  std::shared_ptr<std::atomic<std::uint32_t>> deaths)
        : caf::event_based_actor(config), calls_(std::move(under_way)),
          acts_(std::make_shared<const adapter_acts>(std::move(what))), deaths_(std::move(deaths)) {}

    caf::behavior make_behavior() override {
        if (const auto died = deaths_->load()) {
            resting_ = true;
            delayed_send(this, care::pause_after(care::of_actors, died), wake_up{});
        }
        return {
            [this](order_mail& mail) { take(std::move(mail)); },
            [this](act_done& d) { returned(d); },
            // Who died may have left a copy behind, whose end is not that of the one that is begun in its place.
            [this](act_begun& b) {
                if (!planted(bug::earlier_end_taken)) early_.erase(b.migration);
            },
            [this](act_ended& e) { ended(e); },
            [this](wake_up) {
                resting_ = false;
                delayed_send(this, care::calm_after, lived{});
                std::vector<std::string> first;  // what ends at once leaves its line
                for (const auto& [migration, line] : lines_) first.push_back(line.front());
                for (const auto& key : first) begin(key);
            },
            [this](lived) { *deaths_ = 0; },
        };
    }
    const char* name() const override { return "adapter"; }
    void on_exit() override { *alive_ = false; }

  private:
    static std::string key_of(const order& o) {
        // What concerns no migration is done as often as it is asked.
        const auto number = o.key.migration.empty() ? std::to_string(o.number) : std::string();
        return std::string(to_text(o.what)) + to_json(o.key) + number;
    }

    void take(order_mail mail) {
        const auto key = key_of(mail.what);
        if (const auto known = remembered_.find(key); known != remembered_.end()) {
            auto again = known->second;
            again.number = mail.what.number;
            return mail.done(again);
        }
        if (const auto running = running_.find(key); running != running_.end()) {
            running->second.what.number = mail.what.number;
            running->second.done = std::move(mail.done);
            return;
        }
        const auto migration = mail.what.key.migration;
        running_.emplace(key, std::move(mail));
        auto& line = lines_[migration];
        line.push_back(key);
        if (line.size() == 1 && !resting_) begin(key);
    }

    // What a device throws is one act's, and the process goes on: it is looked at before it is tried again.
    static act_result outcome_of(const act_handler& run, const order& what) {
        try {
            return run(what);
        } catch (const std::exception& thrown) {
            return unknown("adapter_failed", thrown.what());
        }
    }

    void begin(const std::string& key) {
        const auto& what = running_.at(key).what;
        const auto handler = acts_->acts.find(what.what);
        if (handler == acts_->acts.end()) {
            act_done d{key, permanent("not_my_act", std::string(to_text(what.what)))};
            return returned(d);
        }
        calls_->post(what.key.migration, alive_, [self = caf::actor_cast<caf::actor>(this), acts = acts_, run = &handler->second, what, key] {
            caf::anon_send(self, act_done{key, outcome_of(*run, what)});
        });
    }

    void returned(act_done& d) {
        const auto found = running_.find(d.key);
        if (found == running_.end()) return;
        const auto migration = found->second.what.key.migration;
        const bool lasts = found->second.what.what == acts_->lasting && acts_->lasting != act::observe && d.how;
        if (lasts) {
            lasting_[migration] = d.key;
            if (const auto early = early_.find(migration); early != early_.end()) {
                act_ended e{migration, early->second};
                early_.erase(early);
                ended(e);
            }
        } else {
            finish(d.key, d.how ? step_result{} : step_result_of(d.how.error()),
                   d.how ? std::string() : d.how.error().detail, d.how ? *d.how : std::nullopt);
        }
        auto& line = lines_[migration];
        line.pop_front();
        if (line.empty()) lines_.erase(migration);
        else begin(line.front());
    }

    void ended(const act_ended& e) {
        const auto found = lasting_.find(e.migration);
        if (found == lasting_.end()) {
            early_.insert_or_assign(e.migration, e.how);
            if (early_.size() > remembered_max) early_.erase(early_.begin());  // nobody asked; the oldest, by its ULID
            return;
        }
        const auto key = found->second;
        lasting_.erase(found);
        finish(key, e.how ? step_result{} : step_result_of(e.how.error()),
               e.how ? std::string() : e.how.error().detail, std::nullopt);
    }

    void finish(const std::string& key, const step_result& how, const std::string& detail,
                const std::optional<job>& about) {
        const auto found = running_.find(key);
        if (found == running_.end()) return;
        report r{found->second.what.number, how, detail, {}};
        if (about) r.about.push_back(*about);
        found->second.done(r);
        if (!found->second.what.key.migration.empty()) remember(key, r);
        running_.erase(found);
    }

    void remember(const std::string& key, const report& r) {
        remembered_[key] = r;
        order_.push_back(key);
        if (order_.size() <= remembered_max) return;
        remembered_.erase(order_.front());
        order_.pop_front();
    }

    const std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
    const std::shared_ptr<calls> calls_;
    const std::shared_ptr<const adapter_acts> acts_;
    const std::shared_ptr<std::atomic<std::uint32_t>> deaths_;
    std::map<std::string, order_mail> running_;
    std::map<migration_id, std::deque<std::string>> lines_;
    std::map<migration_id, std::string> lasting_;
    std::map<migration_id, result<void>> early_;
    std::map<std::string, report> remembered_;
    std::deque<std::string> order_;
    bool resting_ = false;  // it has died, and lets some time pass before it begins what it is asked
};

}  // namespace

void calls::post(const migration_id& of, std::shared_ptr<const std::atomic<bool>> wanted, std::function<void()> run) {
    {
        const std::lock_guard lock(mutex_);
        auto& line = lines_[of];
        line.push_back({std::move(wanted), std::move(run)});
        if (line.size() > 1) return;
    }
    begin(of);
}

void calls::begin(const migration_id& of) {
    const auto pool = pool_.lock();
    if (!pool) return;
    pool->post([self = shared_from_this(), of] {
        call next;
        {
            const std::lock_guard lock(self->mutex_);
            next = std::move(self->lines_.at(of).front());
        }
        if (*next.wanted) next.run();
        {
            const std::lock_guard lock(self->mutex_);
            auto& line = self->lines_.at(of);
            line.pop_front();
            if (line.empty()) return void(self->lines_.erase(of));
        }
        self->begin(of);
    });
}

caf::actor spawn_adapter(caf::actor_system& system, std::shared_ptr<calls> under_way, adapter_acts what,
                         std::shared_ptr<std::atomic<std::uint32_t>> deaths) {
    return system.spawn<adapter_actor>(std::move(under_way), std::move(what), std::move(deaths));
}

void tell_begun(const caf::actor& adapter, const migration_id& migration) {
    caf::anon_send(adapter, act_begun{migration});
}
void tell_ended(const caf::actor& adapter, const migration_id& migration, const result<void>& how) {
    caf::anon_send(adapter, act_ended{migration, how});
}

tl::unexpected<failure> seen_as(std::string word) { return permanent(std::string(seen_prefix) + std::move(word)); }

}  // namespace caravan::runtime
