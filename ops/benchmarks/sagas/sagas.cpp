// bench_sagas [-o json] [--seconds S] [--folder DIR] [--in-flight N] [--only sagas|events]: whole durable migrations a
// second between two controllers (SQLite journals, file feeds, actors, control links as strings) on
// simulated hosts that copy in no time; and events a second through actor, chain and journal beside
// raw SQLite.
#include <stdlib.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>

#include "ops/benchmarks/sagas/events.hpp"
#include "tests/sim/federation.hpp"

namespace {

using namespace caravan;
using namespace caravan::testing;
using clock_type = std::chrono::steady_clock;

struct arguments {
    bool json = false;
    double seconds = 5;
    std::string folder = "/var/tmp";  // a disk: /tmp may be memory
    std::vector<std::size_t> in_flight{1, 64, 256};
    std::string only;
};

struct saga_figures {
    double migrations = 0;  // a second
    double p50_ms = 0, p99_ms = 0;
    double events = 0, commits = 0, kilobytes = 0;  // of a migration, in both journals
    double mean_group = 0;
    double in_journal = 0;  // share of the time that a journal was in append, mean of both
    double processor = 0;   // milliseconds of a migration
};

// Moves each VM there and back for ever; hears of ends from the controllers themselves.
class shuttle {
  public:
    shuttle(federation& f, std::size_t vms) : f_(f), at_(vms, &f.a), begun_(vms) {
        port::event_filter ends;
        ends.types = {"caravan.migration.ended"};
        for (auto* c : {&f_.a, &f_.b})
            listening_.push_back(c->controller->desk().subscribe(
                ends, [this](const port::news& n) { hear(*n.json); }));
    }
    ~shuttle() { listening_.clear(); }

    void begin(std::size_t vm) {
        begun_[vm] = clock_type::now();
        const auto r = at_[vm]->migrate("vm" + std::to_string(vm + 1));
        if (r.status != "accepted") throw std::runtime_error(r.text);
        const std::lock_guard lock(mutex_);
        of_[r.migration.text] = vm;
    }
    // How long the next one took that ends, after it was sent back.
    double next(bool again) {
        std::unique_lock lock(mutex_);
        if (!news_.wait_for(lock, std::chrono::seconds(30),
                            [&] { return known() != ended_.end(); }))
            throw std::runtime_error("a migration does not end");
        const auto one = known();
        const auto vm = of_.at(*one);
        of_.erase(*one);
        ended_.erase(one);
        lock.unlock();
        const double took =
            std::chrono::duration<double, std::milli>(clock_type::now() - begun_[vm]).count();
        at_[vm] = &f_.other(*at_[vm]);
        if (again) begin(vm);
        return took;
    }
    std::size_t under_way() {
        const std::lock_guard lock(mutex_);
        return of_.size();
    }

  private:
    std::deque<std::string>::iterator known() {
        return std::find_if(ended_.begin(), ended_.end(),
                            [this](const auto& id) { return of_.contains(id); });
    }
    void hear(const std::string& line) {
        const auto document = json_document::parse(line);
        const auto subject = document ? document->root().at("subject") : std::nullopt;
        if (!subject) return;
        const std::lock_guard lock(mutex_);
        ended_.emplace_back(subject->as_text().value_or(""));
        news_.notify_one();
    }
    federation& f_;
    std::vector<whole_cloud*> at_;
    std::vector<clock_type::time_point> begun_;
    std::mutex mutex_;
    std::condition_variable news_;
    std::map<std::string, std::size_t> of_;
    std::deque<std::string> ended_;
    std::vector<std::unique_ptr<port::subscription>> listening_;
};

struct counted {
    double commits = 0, events = 0, bytes = 0, microseconds = 0, processor = 0;
};
counted count(const federation& f) {
    counted all;
    for (const auto* c : {&f.a, &f.b}) {
        all.commits += double(c->counts.commits);
        all.events += double(c->counts.events);
        all.bytes += double(c->counts.bytes);
        all.microseconds += double(c->counts.microseconds);
    }
    all.processor = double(std::clock()) / CLOCKS_PER_SEC;
    return all;
}

saga_figures measure_sagas(std::size_t in_flight, double seconds) {
    ground g;
    g.pace.tick = {};
    g.threads = 1;
    federation f(g);
    for (std::size_t i = 0; i < in_flight; ++i)
        f.world.boot(f.a.place_of(i % 2),
                     sim::spec_of({"vm" + std::to_string(i + 1), "lan", std::uint32_t(i + 1)}));
    for (std::size_t i = 0; i < in_flight; ++i)
        if (!await([&] { return f.a.vm("vm" + std::to_string(i + 1)).state == "running"; }))
            throw std::runtime_error("a VM is not found");
    shuttle s(f, in_flight);
    for (std::size_t i = 0; i < in_flight; ++i) s.begin(i);
    for (std::size_t i = 0; i < in_flight; ++i) s.next(true);  // warm
    const auto before = count(f);
    const auto begun = clock_type::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(clock_type::now() - begun).count();
    };
    std::vector<double> took;
    while (elapsed() < seconds) took.push_back(s.next(true));
    const double wall = elapsed();
    const auto after = count(f);
    while (s.under_way()) s.next(false);
    for (const auto& v : f.world.violations()) throw std::runtime_error(v);

    std::sort(took.begin(), took.end());
    const double n = double(took.size());
    saga_figures figures;
    figures.migrations = n / wall;
    figures.p50_ms = took[took.size() / 2];
    figures.p99_ms = took[took.size() * 99 / 100];
    figures.events = (after.events - before.events) / n;
    figures.commits = (after.commits - before.commits) / n;
    figures.kilobytes = (after.bytes - before.bytes) / n / 1024;
    figures.mean_group = (after.events - before.events) / (after.commits - before.commits);
    figures.in_journal = (after.microseconds - before.microseconds) / 1e6 / wall / 2;
    figures.processor = (after.processor - before.processor) * 1000 / n;
    return figures;
}

void print(std::size_t in_flight, const saga_figures& s, bool json) {
    std::printf(json ? "{\"bench\":\"sagas\",\"in_flight\":%zu,\"migrations\":%.1f,\"p50_ms\":%.1f,"
                       "\"p99_ms\":%.1f,"
                       "\"events\":%.1f,\"commits\":%.2f,\"kilobytes\":%.1f,\"mean_group\":%.1f,"
                       "\"in_journal\":%.2f,"
                       "\"processor_ms\":%.2f,\"unit\":\"migrations/s\"}\n"
                     : "%9zu  %12.1f  %7.1f  %7.1f  %8.1f  %9.2f  %8.1f  %6.1f  %8.0f%%  %8.2f\n",
                in_flight, s.migrations, s.p50_ms, s.p99_ms, s.events, s.commits, s.kilobytes,
                s.mean_group, json ? s.in_journal : s.in_journal * 100, s.processor);
    std::fflush(stdout);
}

void print(std::size_t in_flight, const bench::event_figures& e, bool json) {
    std::printf(json ? "{\"bench\":\"events\",\"in_flight\":%zu,\"events\":%.0f,\"mean_group\":%."
                       "1f,\"sqlite\":%.0f,"
                       "\"ratio_sqlite\":%.3f,\"unit\":\"events/s\"}\n"
                     : "%9zu  %12.0f  %10.1f  %12.0f  %8.2f\n",
                in_flight, e.events, e.mean_group, e.raw_sqlite, e.events / e.raw_sqlite);
    std::fflush(stdout);
}

bool parse(int argc, char** argv, arguments& out) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "-o")
            out.json = value == "json";
        else if (key == "--seconds")
            out.seconds = std::atof(value.c_str());
        else if (key == "--folder")
            out.folder = value;
        else if (key == "--in-flight")
            out.in_flight = {std::stoul(value)};
        else if (key == "--only" && (value == "sagas" || value == "events"))
            out.only = value;
        else
            return false;
    }
    return argc % 2 == 1 && out.seconds > 0;
}

void run_sagas(const arguments& asked) {
    if (!asked.json)
        std::printf(
            "in flight  migrations/s   p50 ms   p99 ms    events    commits  kilobytes  group  "
            "journal   cpu ms\n"
            "                                       (of one migration, both clouds)\n");
    for (const auto n : asked.in_flight) print(n, measure_sagas(n, asked.seconds), asked.json);
}

void run_events(const arguments& asked) {
    if (!asked.json) std::printf("\nin flight      events/s  mean group      sqlite/s  e/sqlite\n");
    for (const auto n : asked.in_flight) {
        std::string folder = asked.folder + "/bench_events.XXXXXX";
        if (!::mkdtemp(folder.data()))
            throw std::runtime_error(folder + ": " + std::strerror(errno));
        print(n, bench::measure_events(folder, n, asked.seconds), asked.json);
        std::filesystem::remove_all(folder);
    }
}

}  // namespace

int main(int argc, char** argv) {
    arguments asked;
    if (!parse(argc, argv, asked)) {
        std::fprintf(stderr,
                     "usage: bench_sagas [-o json] [--seconds S] [--folder DIR] [--in-flight N] "
                     "[--only sagas|events]\n");
        return 2;
    }
    ::setenv("TMPDIR", asked.folder.c_str(),
             1);  // where the federation puts its journals and feeds
    try {
        if (asked.only != "events") run_sagas(asked);
        if (asked.only != "sagas") run_events(asked);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_sagas: %s\n", e.what());
        return 1;
    }
    return 0;
}
