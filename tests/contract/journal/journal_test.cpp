// The journal's contract (actors/ports/journal.hpp), for every journal there is.
#include "adapters/sim/journal.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "adapters/sqlite/sqlite_journal.hpp"
#include "events/chain.hpp"
#include "tests/contract/journal/story.hpp"

using namespace caravan;
using test::everything;
using test::reason;
using test::story;

namespace {

using opened = result<std::unique_ptr<port::journal>>;

struct on_sqlite {
    test::folder folder;
    bytes quota = 0;
    opened open() {
        adapter::journal_options options;
        options.size_max = quota;
        options.wal_bound = 1 << 20;
        auto made = adapter::sqlite_journal::open(folder.file("journal.db"), options);
        if (!made) return tl::unexpected(made.error());
        return std::unique_ptr<port::journal>(std::move(*made));
    }
    void fill_up() { quota = 4096 * 12; }  // PRAGMA max_page_count: from the next open on
    void make_room() { quota = 0; }
};

struct on_simulation {
    sim::journal_disk disk{42};
    opened open() { return disk.open(); }
    void fill_up() { disk.faults.full = true; }
    void make_room() { disk.faults.full = false; }
};

template <class World>
std::unique_ptr<port::journal> must_open(World& world) {
    auto made = world.open();
    if (!made) FAIL(made.error().reason << ": " << made.error().detail);
    return std::move(*made);
}

}  // namespace

#define JOURNAL_TEST(title) TEMPLATE_TEST_CASE(title, "", on_sqlite, on_simulation)

JOURNAL_TEST("an empty journal has an empty head") {
    TestType world;
    const auto journal = must_open(world);
    CHECK(journal->last()->at == position{0});
    CHECK(journal->last()->link == chain::origin());
    CHECK(everything(*journal).empty());
    CHECK(reason(journal->append({})).empty());
}

JOURNAL_TEST("what is appended is read back as it was, also after reopening") {
    TestType world;
    story tale;
    auto wanted = tale.batch("vm/sge-1", 1, 70);  // more than one statement's rows
    auto odd = tale.next("vm/åäö", 1, R"({"host":"h1","zero":"\u0000"})");
    odd.type = "caravan.vm.stopped";
    wanted.push_back(odd);
    {
        const auto journal = must_open(world);
        REQUIRE(reason(journal->append(wanted)).empty());
        CHECK(everything(*journal) == wanted);
    }
    const auto journal = must_open(world);
    CHECK(everything(*journal) == wanted);
    CHECK(journal->last()->at == position{71});
    CHECK(journal->last()->link == wanted.back().link);
    CHECK(reason(journal->append(tale.batch("vm/sge-2", 1, 1))).empty());
}

JOURNAL_TEST("reading keeps its limits") {
    TestType world;
    story tale;
    const auto journal = must_open(world);
    REQUIRE(reason(journal->append(tale.batch("vm/a", 1, 600))).empty());
    const auto count = [&](position after, std::size_t limit, std::size_t stop_at) {
        std::size_t seen = 0;
        std::uint64_t expected = after.value;
        REQUIRE(journal->read(after, limit, [&](const port::entry& e) {
            CHECK(e.at.value == ++expected);
            return ++seen != stop_at;
        }));
        return seen;
    };
    CHECK(count(position{0}, 1000, 0) == 600);
    CHECK(count(position{0}, 256, 0) == 256);
    CHECK(count(position{0}, 300, 0) == 300);
    CHECK(count(position{590}, 300, 0) == 10);
    CHECK(count(position{600}, 300, 0) == 0);
    CHECK(count(position{0}, 0, 0) == 0);
    CHECK(count(position{0}, 1000, 7) == 7);
}

JOURNAL_TEST("a stream is read by itself, in order of versions") {
    TestType world;
    story tale;
    const auto journal = must_open(world);
    std::vector<port::entry> batch;
    for (std::uint64_t v = 1; v <= 300; ++v) {
        batch.push_back(tale.next("vm/a", v));
        batch.push_back(tale.next("vm/b", v));
    }
    REQUIRE(reason(journal->append(batch)).empty());
    std::vector<std::uint64_t> versions;
    REQUIRE(journal->read_stream(stream_id{"vm/b"}, version{2}, [&](const port::entry& e) {
        CHECK(e.stream.text == "vm/b");
        versions.push_back(e.v.value);
        return true;
    }));
    REQUIRE(versions.size() == 298);
    CHECK(versions.front() == 3);
    CHECK(std::is_sorted(versions.begin(), versions.end()));
    CHECK(journal->read_stream(stream_id{"vm/none"}, version{}, [](const auto&) {
        FAIL("nothing is there");
        return true;
    }));
}

JOURNAL_TEST("a version that exists refuses the whole batch") {
    TestType world;
    story tale;
    const auto journal = must_open(world);
    REQUIRE(reason(journal->append(tale.batch("vm/a", 1, 3))).empty());
    const auto before = *journal->last();

    story second(before);
    std::vector<port::entry> batch = second.batch("vm/b", 1, 40);
    batch.push_back(second.next("vm/a", 3));
    const auto refused = journal->append(batch);
    CHECK(reason(refused) == "stale_version");
    CHECK(refused.error().kind == certainty::permanent);
    CHECK(journal->last()->at == before.at);
    CHECK(everything(*journal).size() == 3);

    story twice(before);
    CHECK(reason(journal->append(std::vector{twice.next("vm/c", 1), twice.next("vm/c", 1)})) ==
          "stale_version");
    CHECK(reason(journal->append(tale.batch("vm/b", 1, 40))).empty());
}

JOURNAL_TEST("positions follow the head without a gap") {
    TestType world;
    story tale;
    const auto journal = must_open(world);
    const auto first = tale.next("vm/a", 1), second = tale.next("vm/a", 2),
               third = tale.next("vm/a", 3);
    CHECK(reason(journal->append(std::vector{second})) == "out_of_order");
    CHECK(reason(journal->append(std::vector{first, third})) == "out_of_order");
    CHECK(everything(*journal).empty());
    CHECK(reason(journal->append(std::vector{first, second, third})).empty());
    CHECK(reason(journal->append(std::vector{third})) == "out_of_order");
}

JOURNAL_TEST("a link that is no digest is refused") {
    TestType world;
    story tale;
    const auto journal = must_open(world);
    auto bad = tale.next("vm/a", 1);
    bad.link.pop_back();
    CHECK(reason(journal->append(std::vector{bad})) == "malformed_entry");
}

JOURNAL_TEST("marks are kept beside the log") {
    TestType world;
    {
        const auto journal = must_open(world);
        CHECK(journal->mark("feed/umea") == 0u);
        REQUIRE(reason(journal->put_mark("feed/umea", 7)).empty());
        REQUIRE(reason(journal->put_mark("feed/umea", 8)).empty());
        REQUIRE(reason(journal->put_mark("feed/oslo", ~0ull)).empty());
    }
    const auto journal = must_open(world);
    CHECK(journal->mark("feed/umea") == 8u);
    CHECK(journal->mark("feed/oslo") == ~0ull);
    CHECK(journal->last()->at == position{0});
}

JOURNAL_TEST("a second writer is refused while the first lives") {
    TestType world;
    auto first = must_open(world);
    const auto second = world.open();
    REQUIRE_FALSE(second);
    CHECK(second.error().reason == "journal_in_use");
    CHECK(second.error().kind == certainty::permanent);
    first.reset();
    CHECK(world.open());
}

JOURNAL_TEST("a full disk refuses, loses nothing, and goes on once there is room") {
    TestType world;
    must_open(world);  // made while there is room
    world.fill_up();
    story tale;
    auto journal = must_open(world);
    std::uint64_t written = 0;
    result<void> outcome;
    std::vector<port::entry> batch;
    while (outcome && written < 10'000) {
        batch = tale.batch("vm/a", written + 1, 50);
        outcome = journal->append(batch);
        if (outcome) written += batch.size();
    }
    REQUIRE(reason(outcome) == "journal_full");
    CHECK(outcome.error().kind == certainty::transient);
    CHECK(journal->last()->at.value == written);
    CHECK(everything(*journal).size() == written);
    journal.reset();
    world.make_room();
    journal = must_open(world);
    CHECK(reason(journal->append(batch)).empty());
    CHECK(everything(*journal).size() == written + 50);
}

TEST_CASE("readers read beside the writer, and each may call the journal") {
    on_sqlite world;
    story tale;
    const auto journal = must_open(world);
    std::atomic<bool> stop = false;
    std::atomic<int> gaps = 0, passes = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!stop) {
                std::uint64_t expected = 0;
                const auto read = journal->read(position{}, 1'000'000, [&](const port::entry& e) {
                    if (e.at.value != ++expected || !journal->last()) ++gaps;
                    return true;
                });
                if (!read) ++gaps;
                ++passes;
            }
        });
    for (std::uint64_t v = 1; v <= 20'000 || passes < 4; v += 100)
        REQUIRE(reason(journal->append(tale.batch("vm/a", v, 100))).empty());
    stop = true;
    for (auto& r : readers) r.join();
    CHECK(gaps == 0);
}
