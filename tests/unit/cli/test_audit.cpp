#include <catch2/catch.hpp>

#include "adapters/sqlite/sqlite_journal.hpp"
#include "events/chain.hpp"
#include "ops/caravan/audit.hpp"
#include "tests/unit/http/folder.hpp"

using namespace caravan;
using namespace caravan::test;

TEST_CASE("a journal verifies to its end, and a changed one up to the change") {
    folder at;
    const auto path = at / "journal.db";
    std::string link;
    {
        auto journal = adapter::sqlite_journal::open(path);
        REQUIRE(journal);
        for (std::uint64_t i = 1; i <= 20; ++i) {
            port::entry one{position(i), stream_id("vm/a"), version(i), "caravan.vm.started",
                            "{\"n\":" + std::to_string(i) + "}", "", "", ""};
            link = one.link = chain::next_link(link, one.bytes, one.salt, one.inside);
            REQUIRE((*journal)->append(std::span(&one, 1)));
        }
    }
    auto report = ops::verify_journal(path);
    REQUIRE(report);
    CHECK(report->entries == 20);
    CHECK(report->upto == position(20));
    CHECK(report->head == chain::hex(link));
    CHECK_FALSE(report->bad);
    {
        auto raw = adapter::database::open(path, adapter::database::access::read_write);
        REQUIRE(raw);
        REQUIRE(raw->run("UPDATE entries SET bytes='{\"n\":99}' WHERE position=7"));
    }
    report = ops::verify_journal(path);
    REQUIRE(report);
    CHECK(report->bad == position(7));
    CHECK_FALSE(report->what.empty());
    CHECK(ops::verify_journal(at / "none").error().reason == "no_such_file");
}
