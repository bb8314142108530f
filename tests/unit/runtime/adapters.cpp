// An adapter's calls outlive its actor: the next one's wait for them.
#include <catch2/catch.hpp>

#include <condition_variable>
#include <future>

#include "actors/runtime/adapter.hpp"
#include "actors/runtime/shell.hpp"

using namespace caravan;
using namespace caravan::runtime;
using namespace std::chrono_literals;

namespace {

// Calls begin, and end when they are let go.
struct bench {
    std::mutex mutex;
    std::condition_variable changed;
    int begun = 0, let_go = 0, under_way = 0, most_at_once = 0;

    act_result call() {
        std::unique_lock lock(mutex);
        const int mine = ++begun;
        most_at_once = std::max(most_at_once, ++under_way);
        changed.notify_all();
        changed.wait(lock, [&] { return let_go >= mine; });
        --under_way;
        return std::optional<job>();
    }
    bool await_begun(int count, std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, patience, [&] { return begun >= count; });
    }
    void let(int count) {
        const std::lock_guard lock(mutex);
        let_go = count;
        changed.notify_all();
    }
};

order stage(const char* migration, std::uint64_t number) {
    order o;
    o.number = number;
    o.what = act::stage;
    o.key.migration = migration_id(migration);
    o.about.id = o.key.migration;
    return o;
}

}  // namespace

TEST_CASE("an adapter's next life does not act beside the call of the one before") {
    bench work;
    std::atomic<int> reported = 0;
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto pool = std::make_shared<workers>(threads(), 4);
    const auto under_way = std::make_shared<calls>(pool);
    const auto deaths = std::make_shared<std::atomic<std::uint32_t>>(0);
    adapter_acts acts;
    acts.acts = {{act::stage, [&](const order&) { return work.call(); }}};
    const auto tell = [&](const report&) { ++reported; };

    auto first = spawn_adapter(system, under_way, acts, deaths);
    caf::anon_send(first, order_mail{stage("m1", 1), tell});
    REQUIRE(work.await_begun(1, 10s));
    caf::scoped_actor self{system};
    self->send_exit(first, caf::exit_reason::kill);
    self->wait_for(std::exchange(first, {}));

    deaths->store(1);
    auto next = spawn_adapter(system, under_way, acts, deaths);
    caf::anon_send(next, order_mail{stage("m2", 1), tell});  // another migration waits for nobody
    REQUIRE(work.await_begun(2, 10s));
    caf::anon_send(next, order_mail{stage("m1", 2), tell});
    CHECK_FALSE(work.await_begun(3, 300ms));
    work.let(1);
    CHECK(work.await_begun(3, 10s));
    work.let(3);
    pool->stop();
    CHECK(work.most_at_once == 2);
    self->send_exit(next, caf::exit_reason::user_shutdown);
    self->wait_for(std::exchange(next, {}));
}

TEST_CASE("what a device throws is that act's unknown outcome, and the next act is performed") {
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto pool = std::make_shared<workers>(threads(), 1);
    std::promise<report> first, second;
    adapter_acts acts;
    acts.acts = {{act::stage, [](const order& o) -> act_result {
        if (o.number == 1) throw std::runtime_error("no such process");
        return std::optional<job>();
    }}};
    auto one = spawn_adapter(system, std::make_shared<calls>(pool), acts, std::make_shared<std::atomic<std::uint32_t>>(0));
    caf::anon_send(one, order_mail{stage("m1", 1), [&](const report& r) { first.set_value(r); }});
    caf::anon_send(one, order_mail{stage("m2", 2), [&](const report& r) { second.set_value(r); }});
    const auto thrown = first.get_future().get();
    CHECK(thrown.how.ended == outcome::unknown);
    CHECK(thrown.how.reason == "adapter_failed");
    CHECK(thrown.detail == "no such process");
    CHECK(second.get_future().get().how.ended == outcome::ok);
    pool->stop();
    caf::scoped_actor self{system};
    self->send_exit(one, caf::exit_reason::user_shutdown);
    self->wait_for(std::exchange(one, {}));
}

TEST_CASE("a copy that is begun anew does not end as the one before it did") {
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto pool = std::make_shared<workers>(threads(), 1);
    std::promise<void> asked;
    std::promise<report> ended;
    caf::actor adapter;
    adapter_acts acts;
    acts.lasting = act::start_copy;
    acts.acts = {{act::start_copy, [&](const order& o) -> act_result {
        tell_begun(adapter, o.key.migration);
        asked.set_value();
        return std::optional<job>();
    }}};
    // Its earlier life began a copy, and died; that copy is cut off while this life still rests.
    adapter = spawn_adapter(system, std::make_shared<calls>(pool), acts, std::make_shared<std::atomic<std::uint32_t>>(1));
    auto wanted = stage("m1", 1);
    wanted.what = act::start_copy;
    caf::anon_send(adapter, order_mail{wanted, [&](const report& r) { ended.set_value(r); }});
    tell_ended(adapter, wanted.key.migration, transient("copy_cut"));
    asked.get_future().get();
    auto report = ended.get_future();
    CHECK(report.wait_for(300ms) == std::future_status::timeout);  // the copy goes on
    tell_ended(adapter, wanted.key.migration, {});
    CHECK(report.get().how.ended == outcome::ok);
    pool->stop();
    caf::scoped_actor self{system};
    self->send_exit(adapter, caf::exit_reason::user_shutdown);
    self->wait_for(std::exchange(adapter, {}));
}
