// What the simulated disk does beyond the contract: losing, tearing, dying, slowness, all from a
// seed.
#include <catch2/catch.hpp>

#include "adapters/sim/journal.hpp"
#include "tests/contract/journal/story.hpp"

using namespace caravan;
using namespace std::chrono_literals;
using test::everything;
using test::reason;
using test::story;

namespace {

// What is left of ten batches of three after a crash under a lying fsync.
std::size_t survivors(std::uint64_t seed) {
    sim::journal_disk disk(seed);
    auto journal = std::move(*disk.open());
    story tale;
    REQUIRE(reason(journal->append(tale.batch("vm/a", 1, 3))).empty());
    disk.faults.fsync_lies = true;
    for (std::uint64_t v = 4; v <= 31; v += 3)
        REQUIRE(reason(journal->append(tale.batch("vm/a", v, 3))).empty());
    CHECK(disk.unsynced() == 30);
    disk.crash();
    CHECK(reason(journal->append(tale.batch("vm/a", 34, 1))) == "journal_failed");
    return everything(**disk.open()).size();
}

}  // namespace

TEST_CASE("a lying fsync loses whole batches from the end, as the seed says") {
    std::size_t different = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto left = survivors(seed);
        CHECK(left % 3 == 0);
        CHECK(left >= 3);
        CHECK(left == survivors(seed));
        different += left != survivors(seed + 1);
    }
    CHECK(different > 0);
}

TEST_CASE("an honest fsync loses nothing") {
    sim::journal_disk disk(1);
    auto journal = std::move(*disk.open());
    story tale;
    REQUIRE(reason(journal->append(tale.batch("vm/a", 1, 5))).empty());
    disk.crash();
    CHECK(everything(**disk.open()).size() == 5);
}

TEST_CASE("what was synced later survives") {
    sim::journal_disk disk(1);
    auto journal = std::move(*disk.open());
    story tale;
    disk.faults.fsync_lies = true;
    REQUIRE(reason(journal->append(tale.batch("vm/a", 1, 5))).empty());
    disk.sync();
    disk.crash();
    CHECK(everything(**disk.open()).size() == 5);
}

TEST_CASE("dying in an append leaves all of the batch or none") {
    bool all = false, none = false;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        sim::journal_disk disk(seed);
        auto journal = std::move(*disk.open());
        disk.faults.die_in_append = true;
        story tale;
        CHECK(reason(journal->append(tale.batch("vm/a", 1, 4))) == "journal_failed");
        const auto left = everything(**disk.open()).size();
        all = all || left == 4;
        none = none || left == 0;
        CHECK((left == 0 || left == 4));
    }
    CHECK(all);
    CHECK(none);
}

TEST_CASE("an I/O error fails the journal until it is reopened") {
    sim::journal_disk disk(1);
    auto journal = std::move(*disk.open());
    story tale;
    const auto batch = tale.batch("vm/a", 1, 1);
    disk.faults.failing = true;
    CHECK(reason(journal->append(batch)) == "journal_failed");
    disk.faults.failing = false;
    CHECK(reason(journal->append(batch)) == "journal_failed");
    CHECK_FALSE(journal->last());
    journal.reset();
    CHECK(reason((*disk.open())->append(batch)).empty());
}

TEST_CASE("a slow disk spends simulated time") {
    duration spent{};
    sim::journal_disk disk(1, [&](duration d) { spent += d; });
    disk.faults.append_cost = 3ms;
    story tale;
    REQUIRE(reason((*disk.open())->append(tale.batch("vm/a", 1, 1))).empty());
    CHECK(spent == 3ms);
}

TEST_CASE("a link that does not follow is refused") {
    sim::journal_disk disk(1);
    story tale;
    auto batch = tale.batch("vm/a", 1, 2);
    batch[0].bytes += " ";
    CHECK(reason((*disk.open())->append(batch)) == "malformed_entry");
}
