#include "ops/simulate/episode.hpp"

namespace caravan::simulate {

namespace {

using namespace std::chrono_literals;

// After the last fault: the longest deadline of a migration, and what its undoing and retries may take.
constexpr duration bound = 45min;
constexpr duration rest = 90s;
constexpr std::size_t violations_max = 20;

std::string time_of(instant at) { return format_instant(at).substr(11, 15); }

// "00:00:11.19 thales  7 migration.step_done 01M8… {…}": what a person reads of an event.
std::string in_words(instant at, const cloud_name& by, const port::entry& e) {
    const auto data = e.bytes.find("\"data\":");
    return time_of(at) + "  " + by.text + ' ' + std::to_string(e.at.value) + "  " + e.type.substr(e.type.find('.') + 1) +
           ' ' + std::string(subject_of(e.stream)) + ' ' +
           (data == e.bytes.npos ? "" : e.bytes.substr(data + 7, e.bytes.size() - data - 8));
}

// What the watch and the trace see of the same events.
class chronicle final : public history {
  public:
    chronicle(const request& r, agenda& time, watch& w) : asked_(r), time_(time), watch_(w) {}
    void written(const cloud_name& by, const port::entry& e) override {
        trace_.note(time_.now(), by.text + e.link);
        if (asked_.tell) asked_.tell(in_words(time_.now(), by, e));
        watch_.written(by, e);
    }
    void published(const cloud_name& from, const cloud_name& to, const port::feed_record& r) override {
        watch_.published(from, to, r);
    }
    void route_replaced(const cloud_name& at, const port::route& before, const port::route& now) override {
        watch_.route_replaced(at, before, now);
    }
    void note(const std::string& what) {
        trace_.note(time_.now(), what);
        if (asked_.tell) asked_.tell(time_of(time_.now()) + "  " + what);
    }
    std::string digest() { return trace_.digest(); }

  private:
    const request& asked_;
    agenda& time_;
    watch& watch_;
    trace trace_;
};

// How hard the weather is and how full the hosts are differs from seed to seed.
duration gap_of(dice& luck) { return luck.between(1s, 8s); }
void crowd(shape& s, dice& luck) {
    const auto each = (s.vms + s.clouds * s.hosts - 1) / (s.clouds * s.hosts);
    if (luck.chance(300)) s.host_memory = sim::guest{}.memory * (each + luck.below(3));
}

}  // namespace

account run(const request& r) {
    account o;
    dice luck(r.seed);
    auto shape = r.shape;
    const auto federation_seed = luck.next();
    auto client_luck = luck.fork(), weather = luck.fork();
    const bool stormy = !r.faults.empty();
    if (stormy) crowd(shape, weather);
    shape.liar = std::ranges::count(r.faults, fault_kind::forge) > 0;
    agenda clock;
    watch w(clock, [&](violation v) {
        if (o.violations.size() < violations_max) o.violations.push_back(std::move(v));
    });
    chronicle told(r, clock, w);
    w.note = [&](const std::string& what) { told.note(what); };
    const log_to log = r.tell ? r.tell : log_to([](const std::string&) {});
    federation f(clock, federation_seed, shape, told, log);
    w.begin(f);
    client c(f, client_luck, r.migrations, r.shape.vms, stormy);
    const auto gap = gap_of(weather);
    adversary a(f, w, c, weather.fork(), fault_list(weather.fork(), r.faults, gap), r.only);
    w.on_progress([&](const migration_id& id, const followed& m) {
        a.progressed(id, m);
        if (m.ended) c.ended(id, m.saga.now == migration::phase::done);
    });
    f.start();
    c.begin();
    if (stormy) a.begin();
    while (clock.passed() < r.until && !c.wanted_enough() && o.violations.empty() && f.step()) {}
    a.stop();
    const auto last = clock.passed() + bound;
    while (clock.passed() < last && !(c.satisfied() && w.all_ended()) && o.violations.empty() && f.step()) {}
    const auto quiet = clock.passed() + rest;
    while (clock.passed() < quiet && o.violations.empty() && f.step()) {}
    if (o.violations.empty()) w.look_at_rest(c.wishes());
    for (const auto& v : c.contradictions())
        o.violations.push_back({std::string(name_of(invariant::acknowledged_kept)), clock.now(), v, {}});
    o.ends = w.ends;
    o.faults = a.struck;
    o.coverage = a.coverage;
    o.struck = a.done;
    o.events = w.events;
    o.steps = f.steps;
    o.simulated = clock.passed();
    o.digest = told.digest();
    return o;
}

}  // namespace caravan::simulate
