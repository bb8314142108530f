#include "ops/benchmarks/sagas/events.hpp"

#include "actors/runtime/kinds.hpp"
#include "actors/runtime/shell.hpp"
#include "ops/benchmarks/journal/rivals.hpp"
#include "tests/sim/federation.hpp"

namespace caravan::bench {

namespace {

class counting final : public port::journal {
  public:
    explicit counting(port::journal& to) : to_(to) {}
    result<void> append(std::span<const port::entry> entries) override {
        ++commits;
        events += entries.size();
        return to_.append(entries);
    }
    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override {
        return to_.read(after, limit, each);
    }
    result<void> read_stream(const stream_id& s, version after,
                             const std::function<bool(const port::entry&)>& each) const override {
        return to_.read_stream(s, after, each);
    }
    result<port::head> last() const override { return to_.last(); }
    result<void> put_mark(const std::string& name, std::uint64_t value) override {
        return to_.put_mark(name, value);
    }
    result<std::uint64_t> mark(const std::string& name) const override { return to_.mark(name); }
    std::atomic<std::uint64_t> commits = 0, events = 0;

  private:
    port::journal& to_;
};

// Commands that never end: each answer brings the next.
struct traffic {
    runtime::shell& shell;
    std::atomic<bool> stopping = false;
    std::atomic<std::size_t> under_way = 0;

    void send(std::size_t van, std::uint64_t right) {
        const stream_id to("van/v" + std::to_string(van));
        runtime::command_mail mail;
        mail.what = command(van::command(
            van::move_route{"52:54:00:00:00:01", shell.own, host_name("h1"), epoch(right)}));
        mail.answer = runtime::reply([this, van, right](const runtime::answered&) {
            if (stopping)
                --under_way;
            else
                send(van, right + 1);
        });
        shell.deliver(to, std::move(mail));
    }
};

double seconds_since(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

}  // namespace

event_figures measure_events(const std::string& folder, std::size_t in_flight, double seconds) {
    auto opened = adapter::sqlite_journal::open(folder + "/events.db");
    if (!opened) throw std::runtime_error(opened.error().reason);
    counting journal(**opened);
    const adapter::system_clock clock;
    caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", std::size_t{2});
    caf::actor_system system(config);
    event_figures f;
    {
        const cloud_name own("thales");
        runtime::ledger ledger(runtime::threads(), journal, clock, own, adapter::random_bytes);
        runtime::shell shell(system, runtime::threads(), ledger, journal, clock, own);
        shell.add_kind("van", runtime::spawn_van);
        ledger.start();
        traffic t{shell};
        for (std::size_t i = 0; i < in_flight; ++i)
            shell.deliver(stream_id("van/v" + std::to_string(i)),
                          command(van::command(van::create{std::uint32_t(i + 1), own})));
        t.under_way = in_flight;
        for (std::size_t i = 0; i < in_flight; ++i) t.send(i, 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));  // warm
        const auto begun = std::chrono::steady_clock::now();
        const auto events = journal.events.load(), commits = journal.commits.load();
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        const double counted = double(journal.events - events);
        f.events = counted / seconds_since(begun);
        f.mean_group = counted / std::max(1.0, double(journal.commits - commits));
        t.stopping = true;
        testing::await([&] { return t.under_way == 0; });
        shell.close();
        system.await_all_actors_done();
        ledger.stop();
    }
    const auto raw = raw_sqlite(folder);
    const auto begun = std::chrono::steady_clock::now();
    std::size_t written = 0;
    for (; seconds_since(begun) < seconds; written += in_flight) raw->write_group(in_flight);
    f.raw_sqlite = double(written) / seconds_since(begun);
    return f;
}

}  // namespace caravan::bench
