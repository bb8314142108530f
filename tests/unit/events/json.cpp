// The canonical form, and what the reader says of bytes that are not it.
#include <catch2/catch.hpp>

#include "events/fact.hpp"

using namespace caravan;

namespace {

struct all_kinds {
    std::string text;
    bool yes = false;
    std::uint32_t small = 7;
    std::int64_t signed_one = 0;
    bytes big = 0;
    instant when{};
    duration wait{};
    side at = side::source;
    std::vector<std::string> list;
    std::vector<nic_spec> nested;
};
template <class F>
void describe(F& f, all_kinds& x) {
    f.field("text", x.text, "");
    f.field("yes", x.yes, "");
    f.field("small", x.small, "");
    f.field("signed", x.signed_one, "");
    f.field("big", x.big, "");
    f.field("when", x.when, "");
    f.field("wait", x.wait, "");
    f.field("at", x.at, "");
    f.field("list", x.list, "");
    f.field("nested", x.nested, "");
}

std::string complaint(std::string_view text) {
    const auto x = from_json<all_kinds>(text);
    return x ? "" : x.error().reason + " " + x.error().detail;
}

}  // namespace

TEST_CASE("the canonical form: order of describe, no white space, fixed times and numbers") {
    all_kinds x;
    x.text = std::string("quote \" slash \\ line\n tab\t null") + '\0' + " è";
    x.yes = true;
    x.small = 4'294'967'295;
    x.signed_one = std::numeric_limits<std::int64_t>::min();
    x.big = ~bytes{0};
    x.when = *parse_instant("2026-11-22T11:00:00.5+01:00");
    x.wait = duration(-3);
    x.at = side::destination;
    x.list = {"", "a"};
    x.nested = {{"52:54", van_name("net")}};
    const auto text = to_json(x);
    CHECK(text ==
          R"({"text":"quote \" slash \\ line\n tab\u0009 null\u0000 è","yes":true,"small":4294967295,)"
          R"("signed":-9223372036854775808,"big":18446744073709551615,"when":"2026-11-22T10:00:00.500000Z",)"
          R"("wait":-3,"at":"destination","list":["","a"],"nested":[{"mac":"52:54","van":"net"}]})");
    const auto back = from_json<all_kinds>(text);
    REQUIRE(back);
    CHECK(to_json(*back) == text);
}

TEST_CASE("instants are read in any offset and to nine digits, and refused otherwise") {
    const auto noon = *parse_instant("2026-11-22T12:00:00Z");
    for (const auto* same : {"2026-11-22T12:00:00.000000999Z", "2026-11-22t12:00:00z", "2026-11-22T13:30:00+01:30",
                             "2026-11-21T12:01:00-23:59", "2026-11-22T11:59:60Z"})
        CHECK(parse_instant(same) == noon);
    for (const auto* bad : {"", "2026-11-22", "2026-11-22T12:00:00", "2026-02-30T12:00:00Z", "2026-11-22T24:00:00Z",
                            "2026-11-22T12:00:00.Z", "2026-11-22T12:00:00.0000000000Z", "2026-11-22T12:00:00+24:00",
                            "2026-11-22T12:00:00Z ", "20261-1-22T12:00:00Z", "9999-12-31T23:59:59-01:00",
                            "0000-01-01T00:00:00+00:01"})
        CHECK_FALSE(parse_instant(bad));
    CHECK(format_instant(*parse_instant("9999-12-31T23:59:59.999999Z")) == "9999-12-31T23:59:59.999999Z");
    CHECK(format_instant(*parse_instant("1969-12-31T23:59:59.9Z")) == "1969-12-31T23:59:59.900000Z");
}

TEST_CASE("unknown fields are passed over, missing ones keep their default") {
    const auto x = from_json<all_kinds>(R"({"new":{"deep":[1,{}]},"text":"a"})");
    REQUIRE(x);
    CHECK(x->text == "a");
    CHECK(x->small == 7);
    CHECK(complaint("{}").empty());
    const auto twice = from_json<all_kinds>(R"({"text":"first","text":"second"})");
    REQUIRE(twice);
    CHECK(twice->text == "first");
}

TEST_CASE("errors name the byte, or the place") {
    CHECK(complaint(R"({"text":"a",})").find("malformed byte ") == 0);
    CHECK(complaint("") != "");
    CHECK(complaint("[]") == "malformed : wants an object");
    CHECK(complaint(R"({"text":1})") == "malformed /text: wants a string");
    CHECK(complaint(R"({"yes":"true"})") == "malformed /yes: wants true or false");
    CHECK(complaint(R"({"small":4294967296})") == "malformed /small: wants a whole number in range");
    CHECK(complaint(R"({"small":-1})") == "malformed /small: wants a whole number in range");
    CHECK(complaint(R"({"big":1.5})") == "malformed /big: wants a whole number in range");
    CHECK(complaint(R"({"big":1e3})") == "malformed /big: wants a whole number in range");
    CHECK(complaint(R"({"signed":9223372036854775808})") == "malformed /signed: wants a whole number in range");
    CHECK(complaint(R"({"when":"yesterday"})") == "malformed /when: wants an RFC 3339 time");
    CHECK(complaint(R"({"wait":"1s"})") == "malformed /wait: wants whole microseconds");
    CHECK(complaint(R"({"at":"elsewhere"})") == "malformed /at: wants one of its names");
    CHECK(complaint(R"({"list":{}})") == "malformed /list: wants an array");
    CHECK(complaint(R"({"list":["a",null]})") == "malformed /list/1: wants a string");
    CHECK(complaint(R"({"nested":[{"mac":"x"},{"mac":3}]})") == "malformed /nested/1/mac: wants a string");
}
