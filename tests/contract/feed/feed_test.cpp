// The feed's contract (actors/ports/feed.hpp), for every feed there is.
#include "adapters/sim/feed.hpp"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <fstream>
#include <map>
#include <sstream>

#include "adapters/file/feed_reader.hpp"
#include "adapters/file/feed_writer.hpp"
#include "events/chain.hpp"

using namespace caravan;
using namespace std::chrono_literals;
using port::feed_record;

namespace {

const std::string first_life = "01JD00000000000000000000AA",
                  second_life = "01JD00000000000000000000BB";

std::vector<feed_record> follow(feed_record from, std::size_t count, std::size_t padding = 0) {
    std::vector<feed_record> out;
    for (std::size_t i = 0; i < count; ++i) {
        feed_record next{from.at.next(), first_life, {}, {}};
        next.bytes = R"({"n":)" + std::to_string(next.at.value) + std::string(padding, ' ') + "}";
        next.link = chain::next_feed_link(from.link, next.bytes);
        out.push_back(from = next);
    }
    return out;
}

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path made_folder() {
    std::string name = "/var/tmp/caravan.XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    return name;
}

// One feed as a file, and the worst one can do to it.
struct in_a_file {
    std::filesystem::path folder = made_folder();
    std::filesystem::path path = adapter::feed_path(folder, cloud_name{"a"}, cloud_name{"b"});
    ~in_a_file() { std::filesystem::remove_all(folder); }

    std::unique_ptr<port::feed_writer> writer() {
        auto made = adapter::file_feed_writer::open(path);
        REQUIRE(made);
        return std::move(*made);
    }
    std::unique_ptr<port::feed_reader> reader() {
        return std::make_unique<adapter::file_feed_reader>(path);
    }
    void settle() {}
    void rewrite(const std::function<void(std::vector<feed_record>&)>& change) {
        std::vector<feed_record> all;
        std::istringstream in(slurp(path));
        for (std::string line; std::getline(in, line);) all.push_back(*adapter::from_line(line));
        change(all);
        std::ofstream out(path, std::ios::trunc);
        for (const auto& r : all) out << adapter::to_line(r);
    }
    void lose(sequence at) {
        rewrite([&](auto& all) { std::erase_if(all, [&](auto& r) { return r.at == at; }); });
    }
    void fork(sequence at, const std::string& bytes) {
        rewrite([&](auto& all) {
            for (std::size_t i = at.value - 1; i < all.size(); ++i) {
                if (all[i].at == at) all[i].bytes = bytes;
                all[i].link = chain::next_feed_link(i ? all[i - 1].link : "", all[i].bytes);
            }
        });
    }
    void rewind(sequence upto) {
        rewrite([&](auto& all) { all.resize(upto.value); });
    }
    void remake(const std::string& incarnation) {
        rewrite([&](auto& all) {
            for (auto& r : all) r.incarnation = incarnation;
        });
    }
};

// One simulated feed under a clock and a timer queue of its own.
struct simulated {
    instant now{1s};
    std::multimap<instant, std::function<void()>> timers;
    sim::feed_line line{7,
                        {[this] { return now; },
                         [this](duration d, auto f) { timers.emplace(now + d, std::move(f)); }}};
    std::unique_ptr<port::feed_writer> writer() { return line.writer(); }
    std::unique_ptr<port::feed_reader> reader() { return line.reader(); }
    void settle() {
        while (!timers.empty()) {
            const auto next = timers.extract(timers.begin());
            now = std::max(now, next.key());
            next.mapped()();
        }
    }
    void lose(sequence at) { line.lose(at); }
    void fork(sequence at, const std::string& bytes) { line.fork(at, bytes); }
    void rewind(sequence upto) { line.rewind(upto); }
    void remake(const std::string& incarnation) { line.remake(incarnation); }
};

struct hostile_line : simulated {  // the contract holds on a bad line as well
    hostile_line() { line.faults = {30ms, 80ms, 0.5, false}; }
};

template <class Outcome>
std::string reason(const Outcome& outcome) {
    return outcome ? std::string{} : outcome.error().reason;
}

}  // namespace

#define FEED_TEST(title) TEMPLATE_TEST_CASE(title, "", in_a_file, simulated, hostile_line)

FEED_TEST("an empty feed has nothing to read") {
    TestType world;
    const auto reader = world.reader();
    CHECK(reader->read({}, 10)->empty());
    const auto writer = world.writer();
    CHECK(*writer->last() == feed_record{});
    CHECK(reader->read({}, 10)->empty());
}

FEED_TEST("what is published is read in order, from wherever one stands") {
    TestType world;
    const auto writer = world.writer();
    const auto all = follow({}, 100);
    REQUIRE(reason(writer->publish(std::span(all).first(60))).empty());
    REQUIRE(reason(writer->publish(std::span(all).subspan(60))).empty());
    world.settle();
    CHECK(*writer->last() == all.back());

    const auto reader = world.reader();
    CHECK(*reader->read({}, 1000) == all);
    CHECK(reader->read(all.back(), 10)->empty());
    CHECK(reader->read({}, 7)->size() == 7);
    CHECK(reader->read({}, 0)->empty());
    CHECK(*reader->read(all[49], 1000) == std::vector(all.begin() + 50, all.end()));
    CHECK(*world.reader()->read(all[98], 1000) == std::vector{all.back()});
    std::vector<feed_record> piecewise;
    for (feed_record seen; piecewise.size() < all.size(); seen = piecewise.back()) {
        const auto some = reader->read(seen, 9);
        REQUIRE(!some->empty());
        piecewise.insert(piecewise.end(), some->begin(), some->end());
    }
    CHECK(piecewise == all);
}

FEED_TEST("publishing again is nothing new, unless the bytes differ") {
    TestType world;
    const auto all = follow({}, 10);
    REQUIRE(reason(world.writer()->publish(std::span(all).first(6))).empty());
    const auto writer = world.writer();  // a later life, from an older cursor
    CHECK(reason(writer->publish(std::span(all).subspan(2))).empty());
    CHECK(reason(writer->publish(all)).empty());
    world.settle();
    CHECK(*world.reader()->read({}, 100) == all);

    auto other = all;
    other[4].bytes += " ";
    CHECK(reason(writer->publish(std::span(other).subspan(4, 1))) == "feed_fork");
    const auto skipped = follow(all.back(), 3);
    CHECK(reason(writer->publish(std::span(skipped).subspan(1))) == "feed_gap");
    auto reborn = follow(all.back(), 1);
    reborn[0].incarnation = second_life;
    CHECK(reason(writer->publish(reborn)) == "feed_rewound");
    auto two_lines = follow(all.back(), 1);
    two_lines[0].bytes = "{\n}";
    CHECK(reason(writer->publish(two_lines)) == "malformed_record");
}

FEED_TEST("whatever breaks continuity is named and never skipped") {
    TestType world;
    const auto all = follow({}, 20);
    REQUIRE(reason(world.writer()->publish(all)).empty());
    world.settle();
    const auto reader = world.reader();
    REQUIRE(reader->read({}, 10)->size() == 10);
    const feed_record seen = all[9];

    SECTION("a gap ahead") {
        world.lose(sequence{11});
        CHECK(reason(reader->read(seen, 10)) == "feed_gap");
    }
    SECTION("a gap further ahead is met when one stands before it") {
        world.lose(sequence{15});
        REQUIRE(reader->read(seen, 10)->size() == 4);
        CHECK(reason(reader->read(all[13], 10)) == "feed_gap");
    }
    SECTION("another history before where one stands") {
        world.fork(sequence{5}, R"({"other":1})");
        CHECK(reason(reader->read(seen, 10)) == "feed_fork");
    }
    SECTION("another history ahead is taken only if it was never seen") {
        REQUIRE(reader->read(seen, 10)->size() == 10);
        world.fork(sequence{15}, R"({"other":1})");
        CHECK(reason(reader->read(all[19], 10)) == "feed_fork");
    }
    SECTION("rewound") {
        world.rewind(sequence{5});
        CHECK(reason(reader->read(seen, 10)) == "feed_rewound");
        CHECK(reason(world.reader()->read(seen, 10)) == "feed_rewound");
    }
    SECTION("made anew") {
        world.remake(second_life);
        CHECK(reason(reader->read(seen, 10)) == "feed_rewound");
    }
}

FEED_TEST("a writer notices that its feed was cut back or made anew, and goes on from what is there") {
    TestType world;
    const auto writer = world.writer();
    const auto all = follow({}, 12);
    REQUIRE(reason(writer->publish(std::span(all).first(10))).empty());
    const auto rest = std::span(all).subspan(10);
    const auto kept = GENERATE(9u, 5u, 0u);
    world.rewind(sequence{kept});
    SECTION("met when it writes") {
        const auto how = writer->publish(rest);
        REQUIRE_FALSE(how);
        CHECK(how.error().kind == certainty::permanent);
    }
    SECTION("met when it looks") {}
    CHECK(*writer->last() == (kept ? all[kept - 1] : feed_record{}));
    REQUIRE(reason(writer->publish(all)).empty());
    world.settle();
    CHECK(*world.reader()->read({}, 100) == all);
}

TEST_CASE("a feed's file that is deleted, or replaced by a backup, under its writer") {
    in_a_file world;
    const auto writer = world.writer();
    const auto all = follow({}, 10);
    REQUIRE(reason(writer->publish(std::span(all).first(6))).empty());
    const auto backup = world.path.string() + ".backup";
    std::filesystem::copy_file(world.path, backup);
    REQUIRE(reason(writer->publish(std::span(all).subspan(6))).empty());
    SECTION("deleted: begun anew") {
        std::filesystem::remove(world.path);
        CHECK(*writer->last() == feed_record{});
    }
    SECTION("replaced: gone on with") {
        std::filesystem::rename(backup, world.path);
        CHECK(*writer->last() == all[5]);
    }
    CHECK(reason(adapter::file_feed_writer::open(world.path)) == "feed_in_use");
    REQUIRE(reason(writer->publish(all)).empty());
    CHECK(*world.reader()->read({}, 100) == all);
}

TEST_CASE("news wake the reader, also before the file exists") {
    in_a_file world;
    const auto reader = world.reader();
    std::mutex mutex;
    std::condition_variable woken;
    int wakes = 0;
    reader->on_news([&] {
        const std::lock_guard lock(mutex);
        ++wakes;
        woken.notify_all();
    });
    const auto writer = world.writer();
    const auto all = follow({}, 20);
    feed_record seen;
    for (const auto& record : all) {
        std::unique_lock lock(mutex);
        REQUIRE(reason(writer->publish({&record, 1})).empty());
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        for (bool read = false; !read;) {
            const auto got = reader->read(seen, 10);
            REQUIRE(got);
            if (!got->empty()) seen = got->back(), read = true;
            if (!read) REQUIRE(woken.wait_until(lock, deadline) == std::cv_status::no_timeout);
        }
    }
    std::unique_lock lock(mutex);
    CHECK(woken.wait_for(lock, 5s, [&] { return wakes > 0; }));
}

TEST_CASE("a large file is searched, not read through, and long lines pass") {
    in_a_file world;
    const auto writer = world.writer();
    auto all = follow({}, 4000, 2000);
    REQUIRE(reason(writer->publish(all)).empty());
    const auto long_one = follow(all.back(), 1, (1 << 20) - 64);
    REQUIRE(reason(writer->publish(long_one)).empty());
    const auto too_long = follow(long_one.back(), 1, 1 << 20);
    CHECK(reason(writer->publish(too_long)) == "malformed_record");
    for (const std::size_t at : {0u, 1u, 777u, 2048u, 3998u, 3999u}) {
        const auto got = world.reader()->read(all[at], 1);
        REQUIRE(got);
        INFO("after sequence " << at + 1);
        CHECK(*got == std::vector{at + 1 < all.size() ? all[at + 1] : long_one[0]});
    }
}

TEST_CASE("a tail that a power loss tore counts as not there, and is written again") {
    in_a_file world;
    const auto all = follow({}, 10);
    REQUIRE(reason(world.writer()->publish(std::span(all).first(5))).empty());
    const std::string torn =
        GENERATE_COPY(as<std::string>{}, adapter::to_line(all[5]).substr(0, 100),
                      std::string(9000, '\0'), std::string(200'000, '\0'));
    std::ofstream(world.path, std::ios::app | std::ios::binary) << torn;
    const auto reader = world.reader();
    CHECK(reader->read({}, 100)->size() == 5);
    CHECK(reader->read(all[4], 100)->empty());
    const auto writer = world.writer();
    CHECK(*writer->last() == all[4]);
    REQUIRE(reason(writer->publish(all)).empty());
    CHECK(*reader->read({}, 100) == all);
}

TEST_CASE("a hole that a power loss tore is cut off with all behind it, and is written again") {
    in_a_file world;
    const auto all = follow({}, 10, 5000);
    REQUIRE(reason(world.writer()->publish(all)).empty());
    {
        std::fstream file(world.path, std::ios::in | std::ios::out | std::ios::binary);
        const auto line = static_cast<std::streamoff>(adapter::to_line(all[0]).size());
        file.seekp(6 * line + line / 2);
        file << std::string(1000, '\0');
    }
    const auto writer = world.writer();
    CHECK(*writer->last() == all[5]);
    REQUIRE(reason(writer->publish(all)).empty());
    CHECK(*world.reader()->read({}, 100) == all);
}

TEST_CASE("what is no feed is refused, whoever put it there") {
    in_a_file world;
    const auto reader = world.reader();
    SECTION("garbage") {
        std::ofstream(world.path) << "hello\n";
        CHECK(reason(reader->read({}, 1)) == "feed_fork");
    }
    SECTION("a line without an end") {
        std::ofstream(world.path) << std::string(3 << 20, 'x');
        CHECK(reason(reader->read({}, 1)) == "feed_fork");
    }
    SECTION("a symbolic link") {
        std::filesystem::create_symlink("/etc/passwd", world.path);
        for (const auto& seen : {feed_record{}, follow({}, 1).front()}) {  // it is there, and may come back
            const auto out_of_reach = reader->read(seen, 1);
            CHECK(reason(out_of_reach) == "feed_unreachable");
            CHECK(out_of_reach.error().kind == certainty::transient);
        }
    }
    SECTION("a second writer") {
        const auto writer = world.writer();
        CHECK(reason(adapter::file_feed_writer::open(world.path)) == "feed_in_use");
    }
    SECTION("a folder that is away") {
        std::filesystem::remove_all(world.folder);
        const auto away = reader->read({}, 1);
        CHECK(reason(away) == "feed_unreachable");
        CHECK(away.error().kind == certainty::transient);
    }
}

TEST_CASE("the simulated line delays, repeats, fails, all from its seed") {
    simulated world;
    world.line.faults = {100ms, 0ms, 1.0, false};
    const auto writer = world.writer();
    const auto reader = world.reader();
    int wakes = 0;
    reader->on_news([&] { ++wakes; });
    const auto all = follow({}, 3);
    REQUIRE(reason(writer->publish(all)).empty());
    CHECK(reader->read({}, 10)->empty());
    world.now += 99ms;
    CHECK(reader->read({}, 10)->empty());
    world.settle();
    CHECK(wakes == 3);
    CHECK(*reader->read({}, 10) == all);
    world.line.faults.outage = true;
    CHECK(reason(reader->read({}, 10)) == "feed_unreachable");
    CHECK(reason(writer->publish(all)) == "feed_unreachable");
}
