#include "actors/runtime/stepped.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>

namespace caravan::runtime {

namespace {

caf::actor_system_config& stepping(caf::actor_system_config& config) {
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
}

}  // namespace

struct stepped::inside {
    stepped::timing time;
    caf::actor_system_config config;
    caf::actor_system system;
    caf::scheduler::test_coordinator& coordinator;
    std::vector<one*> ready;  // loops whose turn is due
    caf::actor_clock::time_point armed{};  // when actors' delayed messages are looked at next

    explicit inside(stepped::timing t)
        : time(std::move(t)), system(stepping(config)),
          coordinator(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())) {}

    void keep_time() {
        auto& clock = coordinator.clock();
        const caf::actor_clock::time_point now{time.now()};
        if (now > clock.current_time) clock.advance_time(now - clock.current_time);
    }
};

class stepped::one final : public loop {
  public:
    one(std::shared_ptr<inside> in, const char* name, turn t)
        : in_(std::move(in)), name_(name), turn_(std::move(t)), self_(std::make_shared<one*>(this)) {
        due_after({});
    }
    ~one() override { stop(); }

    void wake() override {
        if (stopped_ || woken_) return;
        woken_ = true;
        due_after(in_->time.latency(name_));
    }
    void stop() override {
        stopped_ = true;
        std::erase(in_->ready, this);
    }
    void take_turn() {
        ready_ = woken_ = false;
        const auto wait = turn_();
        if (wait && !woken_) due_after(*wait);
    }

  private:
    void due_after(duration wait) {
        const auto number = ++sleep_;
        if (wait <= duration::zero()) return be_ready();
        in_->time.after(wait, [self = std::weak_ptr(self_), number] {
            if (const auto alive = self.lock(); alive && (*alive)->sleep_ == number) (*alive)->be_ready();
        });
    }
    void be_ready() {
        if (stopped_ || ready_) return;
        ready_ = true;
        in_->ready.push_back(this);
    }

    const std::shared_ptr<inside> in_;
    const char* const name_;
    const turn turn_;
    const std::shared_ptr<one*> self_;
    std::uint64_t sleep_ = 0;  // of these only the last counts
    bool ready_ = false, woken_ = false, stopped_ = false;
};

stepped::stepped(timing t) : in_(std::make_shared<inside>(std::move(t))) {}
stepped::~stepped() { drain(); }

caf::actor_system& stepped::actors() { return in_->system; }

std::unique_ptr<loop> stepped::start(const char* name, turn t) {
    return std::make_unique<one>(in_, name, std::move(t));
}

std::size_t stepped::ready() const { return in_->coordinator.jobs.size() + in_->ready.size(); }

void stepped::step(std::size_t which) {
    auto& jobs = in_->coordinator.jobs;
    in_->keep_time();
    if (which < jobs.size()) {
        std::swap(jobs[0], jobs[which]);
        in_->coordinator.run_once();
    } else {
        const auto chosen = in_->ready.begin() + static_cast<std::ptrdiff_t>(which - jobs.size());
        auto* next = *chosen;
        in_->ready.erase(chosen);
        next->take_turn();
    }
    const auto& sleeping = in_->coordinator.clock().schedule();
    if (sleeping.empty() || sleeping.begin()->first == in_->armed) return;
    in_->armed = sleeping.begin()->first;
    const auto wait = std::chrono::ceil<duration>(in_->armed - in_->coordinator.clock().current_time);
    in_->time.after(wait, [in = std::weak_ptr(in_)] {
        if (const auto alive = in.lock()) alive->keep_time();
    });
}

void stepped::drain() {
    in_->coordinator.clock().cancel_all();
    while (in_->coordinator.try_run_once()) {}
    in_->coordinator.clock().cancel_all();
}

}  // namespace caravan::runtime
