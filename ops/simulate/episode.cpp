#include "ops/simulate/episode.hpp"

#include <iostream>

namespace caravan::simulate {

namespace {

using namespace std::chrono_literals;

// What the clouds wrote, as it became durable.
class chronicle final : public history {
  public:
    chronicle(const request& r, account& o) : asked_(r), out_(o) {}
    void begin(federation& f, client& c) {
        federation_ = &f;
        client_ = &c;
    }

    void written(const cloud_name& by, const port::entry& e) override {
        ++out_.events;
        trace_.note(federation_ ? federation_->time.now() : agenda::origin, by.text + e.link);
        if (asked_.loud) std::cerr << by.text << ' ' << e.bytes << '\n';
        if (e.type == "caravan.migration.requested") open_.insert(e.stream.text);
        if (e.type == "caravan.visit.asked") visits_.insert(e.stream.text);
        if (e.type == "caravan.visit.settled" || e.type == "caravan.visit.freed") visits_.erase(e.stream.text);
        if (e.type != "caravan.migration.ended") return;
        open_.erase(e.stream.text);
        const auto known = decode(e.bytes, e.inside);
        const auto& x = std::get<migration::ended>(std::get<migration::fact>(known->what));
        ++out_.ends[x.done ? "done" : (x.refused ? "refused: " : "undone: ") + x.reason];
        client_->ended(migration_id(std::string(subject_of(e.stream))), x.done);
    }
    bool all_ended() const { return open_.empty() && visits_.empty(); }
    const std::set<std::string>& open() const { return open_; }
    const std::set<std::string>& visits() const { return visits_; }
    trace& digest() { return trace_; }

  private:
    const request& asked_;
    account& out_;
    federation* federation_ = nullptr;
    client* client_ = nullptr;
    simulate::trace trace_;
    std::set<std::string> open_, visits_;
};

}  // namespace

account run(const request& r) {
    account o;
    dice luck(r.seed);
    chronicle told(r, o);
    const log_to log = r.loud ? log_to([](const std::string& line) { std::cerr << line << '\n'; })
                              : log_to([](const std::string&) {});
    federation f(luck.next(), r.shape, told, log);
    client c(f, luck.fork(), r.migrations, r.shape.vms, false);
    told.begin(f, c);
    c.begin();
    while (f.time.passed() < r.until && !(c.satisfied() && told.all_ended()) && f.step()) {}
    const auto rest = f.time.passed() + 30s;
    while (f.time.passed() < rest && f.step()) {}
    for (const auto& open : told.open()) o.violations.push_back({"sagas_end", f.time.now(), open + " has not ended", {}});
    for (const auto& open : told.visits()) o.violations.push_back({"sagas_end", f.time.now(), open + " has not ended", {}});
    for (const auto& v : f.world.violations()) o.violations.push_back({"one_runner", f.time.now(), v, {}});
    for (const auto& v : f.world.leftovers()) o.violations.push_back({"nothing_left", f.time.now(), v, {}});
    o.steps = f.steps;
    o.simulated = f.time.passed();
    o.digest = told.digest().digest();
    return o;
}

}  // namespace caravan::simulate
