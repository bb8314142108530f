// A loop's turns, taken by a thread of its own and taken one by one: the same promises either way.
#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <map>

#include "actors/runtime/stepped.hpp"
#include "actors/runtime/workers.hpp"

using namespace caravan;
using namespace std::chrono_literals;

namespace {

class count {
  public:
    void up() {
        const std::lock_guard lock(mutex_);
        ++now_;
        changed_.notify_all();
    }
    bool reaches(int wanted) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 10s, [&] { return now_ >= wanted; });
    }
    int now() {
        const std::lock_guard lock(mutex_);
        return now_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int now_ = 0;
};

// Simulated time for one process.
struct bench {
    duration now{}, latency{};
    std::multimap<duration, std::function<void()>> later;
    runtime::stepped steps{{[this] { return now; },
                            [this](duration wait, std::function<void()> what) { later.emplace(now + wait, what); },
                            [this](const char*) { return latency; }}};
    std::size_t settle() {
        std::size_t taken = 0;
        for (; steps.ready(); ++taken) steps.step(0);
        return taken;
    }
    void pass(duration wait) {
        now += wait;
        while (!later.empty() && later.begin()->first <= now) {
            const auto what = later.begin()->second;
            later.erase(later.begin());
            what();
        }
    }
};

}  // namespace

TEST_CASE("a thread takes the first turn at once, one for each waking, and one when it slept enough") {
    count turns;
    std::atomic<int> naps = 2;
    const auto loop = runtime::threads().start("test", [&]() -> std::optional<duration> {
        turns.up();
        if (naps-- > 0) return 1ms;
        return std::nullopt;
    });
    REQUIRE(turns.reaches(3));  // the first, and two after naps
    loop->wake();
    REQUIRE(turns.reaches(4));
    loop->stop();
    const int last = turns.now();
    loop->wake();
    CHECK(turns.now() == last);
}

TEST_CASE("a waking during a turn is another turn") {
    count turns;
    runtime::loop* self = nullptr;
    std::mutex made;
    made.lock();
    const auto loop = runtime::threads().start("test", [&]() -> std::optional<duration> {
        const std::lock_guard lock(made);
        if (turns.now() == 0) self->wake();
        turns.up();
        return std::nullopt;
    });
    self = loop.get();
    made.unlock();
    CHECK(turns.reaches(2));
}

TEST_CASE("workers do what was posted, and drop what had not begun when they are stopped") {
    count done;
    runtime::workers some(runtime::threads(), 3);
    for (int i = 0; i < 100; ++i) some.post([&] { done.up(); });
    REQUIRE(done.reaches(100));
    some.stop();
    some.post([&] { done.up(); });
    CHECK(done.now() == 100);
}

TEST_CASE("stepped: nothing happens but in a step, and time is what it is told") {
    bench b;
    int turns = 0;
    const auto loop = b.steps.start("test", [&]() -> std::optional<duration> { return ++turns < 3 ? 5s : 1h; });
    CHECK(turns == 0);
    CHECK(b.settle() == 1);
    b.pass(4999ms);
    CHECK(b.steps.ready() == 0);
    b.pass(1ms);
    CHECK(b.settle() == 1);
    b.latency = 10ms;  // of whatever it does when it is woken
    loop->wake();
    loop->wake();
    CHECK(b.steps.ready() == 0);
    b.pass(10ms);
    CHECK(b.settle() == 1);
    CHECK(turns == 3);
    b.pass(10s);  // the nap that it was woken from is over, and counts no more
    CHECK(b.settle() == 0);
    loop->wake();
    loop->stop();
    b.pass(2h);
    CHECK(b.settle() == 0);
}

TEST_CASE("stepped: which of several steps comes next is the caller's to say") {
    std::string order;
    bench b;
    const auto one = b.steps.start("one", [&]() -> std::optional<duration> { order += '1'; return std::nullopt; });
    const auto two = b.steps.start("two", [&]() -> std::optional<duration> { order += '2'; return std::nullopt; });
    REQUIRE(b.steps.ready() == 2);
    b.steps.step(1);
    b.steps.step(0);
    CHECK(order == "21");
}
