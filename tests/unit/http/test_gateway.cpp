#include <random>

#include "tests/unit/http/door.hpp"

using namespace caravan;
using namespace caravan::test;
using wire::verb;

TEST_CASE("each path answers whom it should, and no other") {
    door at;
    at.desk.answers["/vms"] = "{\"position\":0,\"items\":[]}";
    at.desk.answers["/vms/sge-1"] = "{\"name\":\"sge-1\"}";
    at.desk.answers["/audit"] = "{\"verified\":true}";
    const struct {
        verb method;
        const char* path;
        unsigned nobody, viewer, auditor, scheduler, operator_;
    } table[] = {
        {verb::get, "/livez", 200, 200, 200, 200, 200},
        {verb::get, "/readyz", 200, 200, 200, 200, 200},
        {verb::get, "/metrics", 401, 200, 200, 200, 200},
        {verb::get, "/", 404, 404, 404, 404, 404},
        {verb::get, "/v1/status", 401, 200, 200, 200, 200},
        {verb::get, "/v1/state?at=3", 401, 200, 200, 200, 200},
        {verb::get, "/v1/vms", 401, 200, 200, 200, 200},
        {verb::get, "/v1/vms/sge-1", 401, 200, 200, 200, 200},
        {verb::get, "/v1/vms/sge-2", 401, 404, 404, 404, 404},
        {verb::get, "/v1/events", 401, 200, 200, 200, 200},
        {verb::get, "/v1/stream", 401, 426, 426, 426, 426},
        {verb::get, "/v1/audit", 401, 403, 200, 200, 200},
        {verb::post, "/v1/plan", 401, 403, 403, 200, 200},
        {verb::post, "/v1/events", 401, 403, 403, 202, 202},
        {verb::delete_, "/v1/vms", 405, 405, 405, 405, 405},
        {verb::get, "/v1/secrets", 404, 404, 404, 404, 404},
        {verb::get, "/v1/vms/../hosts", 404, 404, 404, 404, 404},
        {verb::get, "/v1/vms/", 404, 404, 404, 404, 404},
    };
    int n = 0;
    for (const auto& row : table) {
        const std::pair<const char*, unsigned> expected[] = {{"", row.nobody}, {"viewer", row.viewer},
                                                             {"auditor", row.auditor},
                                                             {"scheduler", row.scheduler},
                                                             {"operator", row.operator_}};
        for (const auto& [role, status] : expected) {
            knock caller(at);
            const bool body = row.method == verb::post;
            const auto got = caller.ask(request(row.method, row.path, role,
                                                body ? "application/cloudevents+json" : "",
                                                body ? event("job-" + std::to_string(++n)) : ""));
            INFO(row.path << " as " << role << ": " << got.body());
            CHECK(got.result_int() == status);
            if (status >= 400) {
                CHECK(got[wire::field::content_type] == "application/problem+json");
                CHECK_FALSE(member(got.body(), "reason").empty());
            }
        }
        // The failures above were meant; do not let them count against this address.
        if (row.nobody == 401) std::this_thread::sleep_for(std::chrono::milliseconds(110));
    }
}

TEST_CASE("a path with its time, several listeners, and one connection for many requests") {
    door at;
    knock caller(at, nullptr, 1);
    CHECK(caller.ask(request(verb::get, "/v1/state?at=2026-11-22T10:00:00%2B01:00", "viewer")).body() ==
          "{\"position\":0,\"at\":\"2026-11-22T10:00:00+01:00\"}");
    CHECK(caller.ask(request(verb::get, "/v1/vms/no", "viewer")).result_int() == 404);
    CHECK(caller.ask(request(verb::get, "/metrics", "viewer")).body().find("_total 7") != std::string::npos);
    at.desk.is_ready = false;
    CHECK(caller.ask(request(verb::get, "/readyz", "")).result_int() == 503);
    CHECK(caller.ask(request(verb::get, "/livez", "")).result_int() == 200);
}

TEST_CASE("a certificate's role counts as a token's; a device's opens nothing") {
    door at;
    const auto as = [&](const char* cloud, const char* role, const char* path) {
        const auto own = clouds().material(cloud, role);
        knock caller(at, &own);
        return caller.ask(request(verb::get, path, "")).result_int();
    };
    CHECK(as("thales", "operator", "/v1/status") == 200);
    CHECK(as("thales", "viewer", "/v1/status") == 200);
    CHECK(as("thales", "viewer", "/v1/audit") == 403);
    CHECK(as("thales", "agent", "/v1/status") == 403);
    CHECK_THROWS_AS(as("umea", "operator", "/v1/status"), boost::system::system_error);
}

TEST_CASE("a browser's page of another origin is refused, also with a good token") {
    door at;
    knock caller(at);
    auto foreign = request(verb::get, "/v1/status", "operator");
    foreign.set(wire::field::origin, "https://evil.example");
    CHECK(member(caller.ask(foreign).body(), "reason") == "foreign_origin");
    foreign.set(wire::field::origin, "https://127.0.0.1");
    CHECK(caller.ask(foreign).result_int() == 200);
}

TEST_CASE("wrong tokens are refused, and too many of them slow their address down") {
    door at({.failures_per_second = 2});
    unsigned slowed = 0;
    for (int i = 0; i < 10; ++i) {
        knock caller(at);
        auto wrong = request(verb::get, "/v1/status", "");
        wrong.set(wire::field::authorization, "Bearer " + std::to_string(i));
        const auto got = caller.ask(wrong);
        CHECK((got.result_int() == 401 || got.result_int() == 429));
        slowed += got.result_int() == 429;
    }
    CHECK(slowed >= 4);
}

TEST_CASE("who asks too often is told to wait") {
    door at({.requests_per_second = 5});
    knock caller(at);
    unsigned refused = 0;
    for (int i = 0; i < 30; ++i) {
        const auto got = caller.ask(request(verb::get, "/v1/status", "viewer"));
        refused += got.result_int() == 429 && got[wire::field::retry_after] == "1";
    }
    CHECK(refused >= 10);
}

TEST_CASE("plans are asked of the desk") {
    door at;
    knock caller(at);
    CHECK(caller.ask(request(verb::post, "/v1/plan", "scheduler", "application/json", "{\"vm\":\"sge-1\"}"))
              .result_int() == 200);
    const auto none = caller.ask(request(verb::post, "/v1/plan", "scheduler", "", "{\"vm\":\"sge-9\"}"));
    CHECK(none.result_int() == 404);
    CHECK(member(none.body(), "reason") == "no_such_vm");
}

TEST_CASE("the journal comes as lines, page after page, filtered") {
    door at;
    for (int i = 0; i < 1300; ++i) at.desk.commit(i % 2 ? "caravan.vm.started" : "caravan.host.joined", "s");
    knock caller(at);
    const auto count = [&](const std::string& arguments) {
        const auto got = caller.ask(request(verb::get, "/v1/events" + arguments, "viewer"));
        CHECK(got.result_int() == 200);
        return std::count(got.body().begin(), got.body().end(), '\n');
    };
    CHECK(count("") == 1300);
    CHECK(count("?limit=5000") == 1300);
    CHECK(count("?after=1290") == 10);
    CHECK(count("?limit=5000&type=caravan.vm.started") == 650);
    CHECK(count("?limit=3&subject=s") == 3);
    CHECK(count("?after=99999") == 0);
    CHECK(caller.ask(request(verb::get, "/v1/events?after=x", "viewer")).result_int() == 400);
    const struct { const char *path, *says; } unknown[] = {
        {"/v1/events?afer=7", "\\\"afer\\\" is no parameter of /v1/events: did you mean \\\"after\\\"?"},
        {"/v1/events?zzzzzzzz=7", "it knows after, limit, type, subject, saga, follow"},
        {"/v1/events?follow=yes", "follow=yes is neither true nor false"},
        {"/v1/state?att=7", "did you mean \\\"at\\\"?"},
        {"/v1/vms?state=running", "it knows none"}};
    for (const auto& row : unknown) {
        const auto got = caller.ask(request(verb::get, row.path, "viewer"));
        CHECK(got.result_int() == 400);
        CHECK_THAT(got.body(), Catch::Contains(row.says));
    }
}

TEST_CASE("following the journal goes on as things happen, and ends when the reader leaves") {
    door at;
    at.desk.commit("caravan.vm.started", "old");
    {
        knock caller(at);
        wire::write(caller.stream, request(verb::get, "/v1/events?follow=true", "viewer"));
        wire::response_parser<wire::string_body> parser;
        const auto lines = [&](long n) {
            while (std::count(parser.get().body().begin(), parser.get().body().end(), '\n') < n)
                wire::read_some(caller.stream, caller.buffer, parser);
        };
        lines(1);
        for (int i = 0; i < 2000; ++i) at.desk.commit("caravan.vm.started", std::to_string(i));
        lines(2001);
        CHECK(parser.get().body().find("\"subject\":\"1999\"") != std::string::npos);
        CHECK(at.desk.listening() == 1);
    }
    CHECK(eventually([&] { return at.desk.listening() == 0; }));
}

TEST_CASE("whatever is sent, the gateway answers or hangs up, and goes on") {
    door at;
    std::mt19937 chance(7);
    const std::string good = "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                             token_of("operator") +
                             "\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5\r\nabcde\r\n0\r\n\r\n";
    for (int round = 0; round < 300; ++round) {
        auto bytes = good;
        for (int spoilt = 0; spoilt <= round % 5; ++spoilt)
            bytes[chance() % bytes.size()] = static_cast<char>(chance());
        if (round % 7 == 0) bytes.resize(chance() % bytes.size());
        knock caller(at);
        error_code ec;
        asio::write(caller.stream, asio::buffer(bytes), ec);
        beast::get_lowest_layer(caller.stream).socket().shutdown(http::tcp::socket::shutdown_send, ec);
        std::string heard;
        asio::read(caller.stream, asio::dynamic_buffer(heard), ec);
        if (!heard.empty()) CHECK(heard.starts_with("HTTP/1.1 "));
    }
    knock caller(at);
    CHECK(caller.ask(request(verb::get, "/livez", "")).result_int() == 200);
}

TEST_CASE("headers without end are cut short") {
    door at;
    knock caller(at);
    auto fat = request(verb::get, "/v1/status", "viewer");
    fat.set("x-fat", std::string(40'000, 'x'));
    CHECK(caller.ask(fat).result_int() == 431);
}

TEST_CASE("a gateway says why it cannot open") {
    fake_desk desk;
    http::gateway_config config;
    config.tls = clouds().material("thales", "controller");
    config.listen = {"nowhere"};
    CHECK(http::gateway::open(desk, config).error().reason == "bad_address");
    config.listen = {"192.0.2.1:1"};
    CHECK(http::gateway::open(desk, config).error().reason == "cannot_listen");
    config.tls.key = "/nowhere";
    CHECK(http::gateway::open(desk, config).error().reason == "no_such_file");
}
