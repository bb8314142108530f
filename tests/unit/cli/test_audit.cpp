#include <catch2/catch.hpp>

#include <fstream>

#include "adapters/sqlite/sqlite_journal.hpp"
#include "events/chain.hpp"
#include "ops/caravan/audit.hpp"
#include "ops/caravan/commands.hpp"
#include "tests/unit/http/folder.hpp"

using namespace caravan;
using namespace caravan::test;

TEST_CASE("a file that is no journal is told so, and nothing of the database that it is") {
    folder at;
    std::ofstream(at / "text") << "This is a letter, and no journal at all.\n";
    std::ofstream(at / "empty").close();
    {
        auto other = adapter::database::open(at / "other.db", adapter::database::access::read_write);
        REQUIRE(other);
        REQUIRE(other->run("create table t(x)"));
    }
    for (const char* file : {"text", "empty", "other.db"}) {
        const auto report = ops::verify_journal(at / file);
        REQUIRE_FALSE(report);
        CHECK(report.error().reason == "journal_foreign");
        CHECK(report.error().detail.find("SQL") == std::string::npos);
        CHECK(report.error().detail.starts_with(at / file));
    }
    CHECK(ops::audit_verify({}, at / "text") == ops::exit_usage);
}

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
