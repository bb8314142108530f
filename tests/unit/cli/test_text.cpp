#include <catch2/catch.hpp>

#include "ops/caravan/print.hpp"
#include "ops/caravan/schema.hpp"
#include "ops/caravan/text.hpp"

using namespace caravan;
using namespace caravan::ops;

TEST_CASE("sizes and times are for people") {
    CHECK(size_text(0) == "0 B");
    CHECK(size_text(1023) == "1023 B");
    CHECK(size_text(33554432) == "32.0 MiB");
    CHECK(seconds_text(0.61) == "610 ms");
    CHECK(seconds_text(6.44) == "6.4 s");
    CHECK(seconds_text(125) == "2 min 05 s");
    CHECK(seconds_text(7260) == "2 h 01 min");
}

TEST_CASE("durations and rates have units") {
    using namespace std::chrono_literals;
    CHECK(parse_duration("7s") == 7s);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("1.5m") == 90s);
    CHECK(parse_rate("20MiB/s") == 20u << 20);
    for (const char* bad : {"", "7", "s", "-7s", "7 s", "7x", "1e300s", "nans"}) {
        CHECK_FALSE(parse_duration(bad));
        CHECK_FALSE(parse_rate(bad));
    }
}

TEST_CASE("the nearest word is near, or none") {
    CHECK(nearest("lisen", {"cloud", "listen"}) == "listen");
    CHECK(nearest("xyzzy", {"cloud", "listen"}).empty());
}

TEST_CASE("a table lines up, says nothing where there is nothing, and shows more when wide") {
    const auto parsed = json_document::parse(
        R"([{"name":"sge-1","memory":1024,"inner":{"n":3},"van":["a","b"]},{"name":"ümläut","memory":null}])");
    const column columns[] = {{"NAME", "name"}, {"MEMORY", "memory", look::size}, {"VAN", "van", look::tags},
                              {"N", "inner.n", look::text, true}};
    CHECK(table(parsed->root().items(), columns, false) ==
          "NAME    MEMORY   VAN\nsge-1   1.0 KiB  a, b\nümläut  -        -\n");
    CHECK(table(parsed->root().items(), columns, true).starts_with("NAME    MEMORY   VAN   N\n"));
    CHECK(card(parsed->root().items()[0], columns) == "name    sge-1\nmemory  1.0 KiB\nvan     a, b\nn       3\n");
}

TEST_CASE("YAML keeps texts texts and numbers numbers") {
    const auto parsed = json_document::parse(R"({"a":"7","b":7,"c":"true","d":null,"e":["x: y"],"f":{}})");
    CHECK(yaml(parsed->root()) == "a: \"7\"\nb: 7\nc: \"true\"\nd: ~\ne:\n  - \"x: y\"\nf:\n  {}\n");
}
