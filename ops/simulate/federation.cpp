#include "ops/simulate/federation.hpp"

#include <algorithm>

#include "adapters/sim/guest.hpp"

namespace caravan::simulate {

namespace {

constexpr std::string_view names[] = {"thales", "umea", "porto", "lodz", "izmir", "gent", "kotor", "bern"};

cloud_name name_of(std::size_t cloud) {
    if (cloud < std::size(names)) return cloud_name(std::string(names[cloud]));
    return cloud_name("cloud" + std::to_string(cloud + 1));
}

// A WAN of 20 MB/s and 55 ms round trip, and libvirt's own patience.
sim::pace wan() {
    using namespace std::chrono_literals;
    sim::pace p;
    p.rate = 20'000'000;
    p.tick = 500ms;
    p.trip = 27ms;
    p.confirm = 40ms;
    p.resume_wait = 16s;
    p.stall = 8s;
    return p;
}

}  // namespace

sim::feed_faults usual_feed() {
    sim::feed_faults f;
    f.delay = std::chrono::milliseconds(30);
    f.delay_spread = std::chrono::milliseconds(20);
    return f;
}

federation::federation(agenda& clock, std::uint64_t seed, const shape& s, history& told, const log_to& log)
    : time(clock), world(time.timing(), wan()), room_(s.host_memory), vms_(s.vms) {
    dice luck(seed);
    for (std::size_t i = 0; i < s.clouds; ++i)
        clouds.push_back(std::make_unique<cloud>(ground{time, world, told, log}, luck.fork(), name_of(i), s.hosts,
                                                 s.host_memory));
    for (std::size_t from = 0; from < s.clouds; ++from)
        for (std::size_t to = 0; to < s.clouds; ++to)
            feeds_.push_back(from == to ? nullptr : std::make_unique<sim::feed_line>(luck.next(), time.timing()));
    for (std::size_t i = 0; i < s.clouds; ++i)
        for (std::size_t j = 0; j < s.clouds; ++j)
            if (i != j) clouds[i]->join(clouds[j]->name, feed(i, j), feed(j, i));
    if (s.liar)
        for (auto& c : clouds) {
            lies_.push_back(std::make_unique<sim::feed_line>(luck.next(), time.timing()));
            unheard_.push_back(std::make_unique<sim::feed_line>(luck.next(), time.timing()));
            c->join(liar(), *unheard_.back(), *lies_.back());
        }
    each_feed([](sim::feed_line& l) { l.faults = usual_feed(); });
}

void federation::start() {
    for (std::size_t i = 0; i < vms_; ++i) {
        auto& at = *clouds[first_cloud_of(i)];
        sim::guest g{vm_name_of(i), van_of(i).text, static_cast<std::uint32_t>(i + 1)};
        world.boot(at.place_of(i / clouds.size() % at.hosts()), sim::spec_of(g));
    }
    for (auto& c : clouds) c->start();
}

void federation::each_feed(const std::function<void(sim::feed_line&)>& what) {
    for (auto* all : {&feeds_, &lies_, &unheard_})
        for (auto& line : *all)
            if (line) what(*line);
}

sim::feed_line& federation::feed_between(const cloud& from, const cloud& to) {
    const auto index = [&](const cloud& wanted) {
        return std::size_t(std::ranges::find(clouds, &wanted, &std::unique_ptr<cloud>::get) - clouds.begin());
    };
    return feed(index(from), index(to));
}

void federation::tell_lie(const cloud& to, const port::feed_record& r) {
    for (std::size_t i = 0; i < lies_.size(); ++i)
        if (clouds[i].get() == &to) (void)lies_[i]->writer()->publish({&r, 1});
}

cloud& federation::of(const cloud_name& name) {
    for (auto& c : clouds)
        if (c->name == name) return *c;
    return *clouds.front();
}

// The next thing that happens is the one whose time comes first. A process that has something to do does it
// when it is through with what it did last, so its order hangs on nothing but its own chance: leaving out a
// fault disturbs nobody whom that fault did not reach.
bool federation::step() {
    const auto now = time.passed();
    process* next = nullptr;
    duration at{};
    for (auto& c : clouds)
        c->each_process([&](process& p) {
            if (!p.steps.ready()) return;
            const auto free = std::max(p.busy_until, now);
            if (next && free >= at) return;
            next = &p;
            at = free;
        });
    const auto due = time.next();
    if (due && (!next || *due <= at)) {
        time.run_one();
    } else {
        if (!next) return false;
        time.pass_until(at);
        next->step();
    }
    ++steps;
    return true;
}

}  // namespace caravan::simulate
