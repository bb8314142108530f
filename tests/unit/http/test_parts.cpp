#include <catch2/catch.hpp>

#include "adapters/http/address.hpp"
#include "adapters/http/cloud_event.hpp"
#include "adapters/http/limiter.hpp"
#include "adapters/http/problem.hpp"
#include "adapters/http/query.hpp"
#include "events/json.hpp"

namespace caravan::http {

TEST_CASE("addresses are host:port, or say what is wrong") {
    CHECK(parse_address("10.1.0.1:8443") == address{"10.1.0.1", 8443});
    CHECK(parse_address("[::1]:0") == address{"::1", 0});
    CHECK(to_text({"::1", 7}) == "[::1]:7");
    for (const char* bad : {"", ":", "a", "a:", ":1", "a:65536", "a:-1", "a:1x", "::1:7", "a: 1"})
        CHECK_FALSE(parse_address(bad));
}

TEST_CASE("a target is taken apart, and a malformed one refused") {
    const auto got = parse_target("/v1/events?after=7&type=a,b&type=c&at=2026-01-01T00:00:00%2B01:00&x=1+1");
    REQUIRE(got);
    CHECK(got->path == "/v1/events");
    CHECK(got->number("after").value() == 7u);
    CHECK(got->list("type") == std::vector<std::string>{"a", "b", "c"});
    CHECK(got->text("at") == "2026-01-01T00:00:00+01:00");
    CHECK(got->text("x") == "1+1");
    CHECK_FALSE(got->number("none").value());
    CHECK_FALSE(got->number("x"));
    for (const char* bad : {"", "v1", "/%", "/%4", "/%zz", "/a?b=%g0", "http://x/"}) CHECK_FALSE(parse_target(bad));
}

TEST_CASE("a binary event becomes a structured one") {
    const auto made = from_binary({{"ce-id", "a%22b"}, {"ce-type", "t"}, {"host", "x"}}, "application/json",
                                  "{\"to\": \"umea\"}");
    REQUIRE(made);
    CHECK(*made == "{\"id\":\"a\\\"b\",\"type\":\"t\",\"datacontenttype\":\"application/json\","
                   "\"data\":{\"to\":\"umea\"}}");
    CHECK(json_document::parse(*made));
}

TEST_CASE("a binary event cannot smuggle attributes in its body or names") {
    CHECK_FALSE(from_binary({{"ce-id", "1"}}, "application/json", "1,\"id\":\"2\""));
    CHECK_FALSE(from_binary({{"ce-id\":\"", "1"}}, "", ""));
    CHECK_FALSE(from_binary({{"ce-data", "1"}}, "", ""));
    CHECK_FALSE(from_binary({{"ce-", "1"}}, "", ""));
    CHECK(from_binary({{"ce-id", "1"}}, "text/plain", "x").error().reason == "unsupported_media_type");
}

TEST_CASE("a batch is taken apart, within its bound") {
    CHECK(from_batch("[{\"a\": 1}, 2, [3]]", 3) == std::vector<std::string>{"{\"a\":1}", "2", "[3]"});
    CHECK(from_batch("[1,2]", 1).error().reason == "batch_too_long");
    for (const char* bad : {"", "{}", "[", "[1", "1"}) CHECK_FALSE(from_batch(bad, 9));
    CHECK_FALSE(from_batch(std::string(100'000, '['), 9));
}

TEST_CASE("a receipt tells its HTTP status") {
    CHECK(http_status(R"({"status":"accepted"})") == 202);
    CHECK(http_status(R"({"status":"duplicate"})") == 200);
    CHECK(http_status(R"({"status":"refused","reason":"no_such_vm"})") == 404);
    CHECK(http_status(R"({"status":"refused","reason":"wrong_phase"})") == 409);
    CHECK(http_status(R"({"status":"refused","reason":"journal_rewound"})") == 503);
    CHECK(http_status(R"({"status":"malformed"})") == 400);
    CHECK(http_status("nonsense") == 500);
}

TEST_CASE("a limiter lets twice the rate through at once, then the rate") {
    limiter judge(10);
    const auto start = limiter::time{} + std::chrono::hours(1);
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += judge.take("a", start);
    CHECK(taken == 20);
    CHECK(judge.empty("a", start));
    CHECK(judge.take("b", start));
    for (int i = 0; i < 100; ++i) taken += judge.take("a", start + std::chrono::seconds(1));
    CHECK(taken == 30);
}

TEST_CASE("a limiter forgets names") {
    limiter judge(1);
    auto now = limiter::time{} + std::chrono::hours(1);
    for (int i = 0; i < 100'000; ++i) {
        now += std::chrono::milliseconds(10);
        CHECK_FALSE((!judge.take(std::to_string(i), now)));
    }
}

TEST_CASE("a problem is JSON whatever is in it") {
    const auto text = to_json({404, "no_such_vm", "no VM is named \"\n\x01\""});
    const auto parsed = json_document::parse(text);
    REQUIRE(parsed);
    CHECK(parsed->root().at("title")->as_text() == "Not Found");
    CHECK(parsed->root().at("status")->as_int() == 404);
    CHECK(parsed->root().at("reason")->as_text() == "no_such_vm");
}

}  // namespace caravan::http
