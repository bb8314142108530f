#include <sstream>

#include "tests/unit/http/door.hpp"

using namespace caravan;
using namespace caravan::test;
using wire::verb;

namespace {

constexpr const char* as_structured = "application/cloudevents+json";
constexpr const char* as_batch = "application/cloudevents-batch+json";
constexpr const char* as_lines = "application/x-ndjson";

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream from(text);
    for (std::string line; std::getline(from, line);) all.push_back(line);
    return all;
}

}  // namespace

TEST_CASE("one event: each receipt has its HTTP status, and refusals are problems") {
    door at;
    knock caller(at);
    const auto post = [&](const std::string& body, const char* type = as_structured) {
        return caller.ask(request(verb::post, "/v1/events", "scheduler", type, body));
    };
    auto got = post(event("1"));
    CHECK(got.result_int() == 202);
    CHECK(member(got.body(), "status") == "accepted");
    CHECK(at.desk.callers == std::set<std::string>{"test-scheduler"});
    got = post(event("1"));
    CHECK(got.result_int() == 200);
    CHECK(member(got.body(), "status") == "duplicate");
    got = post(event("2", "sge-9"));
    CHECK(got.result_int() == 404);
    CHECK(member(got.body(), "reason") == "no_such_vm");
    CHECK(got[wire::field::content_type] == "application/problem+json");
    CHECK(post(event("3", "busy")).result_int() == 409);
    CHECK(post("{").result_int() == 400);
    CHECK(post(event("4"), "application/json").result_int() == 202);
    CHECK(post(event("5"), "text/plain").result_int() == 415);
}

TEST_CASE("an event in binary mode reaches the desk as a structured one") {
    door at;
    knock caller(at);
    auto binary = request(verb::post, "/v1/events", "operator", "application/json", "{\"to\":\"umea\"}");
    for (const auto& [name, value] : {std::pair{"ce-specversion", "1.0"}, {"CE-Type", "caravan.vm.migrate"},
                                      {"ce-source", "/schedulers/sge"}, {"ce-id", "job%201"},
                                      {"ce-subject", "sge-1"}})
        binary.set(name, value);
    const auto got = caller.ask(binary);
    INFO(got.body());
    CHECK(got.result_int() == 202);
    CHECK(member(got.body(), "id") == "job 1");
    CHECK(member(at.desk.last_event, "data") == "{\"to\":\"umea\"}");
    binary.body() = "1,\"id\":\"2\"";
    binary.prepare_payload();
    CHECK(caller.ask(binary).result_int() == 400);
}

TEST_CASE("a batch is answered in its order") {
    door at({.receipts = 16});
    knock caller(at);
    std::string body = "[";
    for (int i = 0; i < 500; ++i) body += (i ? "," : "") + event(std::to_string(i), i % 3 ? "sge-1" : "sge-9");
    const auto got = caller.ask(request(verb::post, "/v1/events", "scheduler", as_batch, body + "]"));
    REQUIRE(got.result_int() == 200);
    const auto parsed = json_document::parse(got.body());
    const auto receipts = parsed->root().items();
    REQUIRE(receipts.size() == 500);
    for (std::size_t i = 0; i < 500; ++i) CHECK(receipts[i].at("id")->as_text() == std::to_string(i));
    CHECK(at.desk.most_pending <= 16);
    CHECK(caller.ask(request(verb::post, "/v1/events", "scheduler", as_batch, "[]")).body() == "[]");
    CHECK(caller.ask(request(verb::post, "/v1/events", "scheduler", as_batch, "{}")).result_int() == 400);
}

TEST_CASE("what is too large is refused, and said so") {
    door at({.event = 1000, .batch = 2000, .batch_events = 3});
    const auto post = [&](const char* type, const std::string& body) {
        knock caller(at);
        return caller.ask(request(verb::post, "/v1/events", "scheduler", type, body)).result_int();
    };
    CHECK(post(as_structured, std::string(1001, ' ')) == 413);
    CHECK(post(as_structured, std::string(5'000, ' ')) == 413);
    CHECK(post(as_batch, std::string(2001, ' ')) == 413);
    CHECK(post(as_batch, "[1,2,3,4]") == 413);
    auto chunked = request(verb::post, "/v1/events", "scheduler", as_structured, std::string(5000, ' '));
    chunked.erase(wire::field::content_length);
    chunked.chunked(true);
    CHECK(knock(at).ask(chunked).result_int() == 413);
    knock caller(at);
    const auto got = caller.ask(request(verb::post, "/v1/events", "scheduler", as_lines,
                                        event("1") + "\n" + std::string(1500, 'x') + "\n" + event("2") + "\n"));
    const auto receipts = split_lines(got.body());
    REQUIRE(receipts.size() == 2);
    CHECK(member(receipts[0], "status") == "accepted");
    CHECK(member(receipts[1], "status") == "malformed");
}

TEST_CASE("a stream's receipts come in order, one a line, malformed lines among them") {
    door at({.receipts = 64});
    knock caller(at);
    std::string body;
    for (int i = 0; i < 3000; ++i) body += (i % 100 == 50 ? "nonsense" : event(std::to_string(i))) + "\r\n";
    body += event("last");  // without a line feed
    wire::response<wire::string_body> got;
    std::thread sender([&] { wire::write(caller.stream, request(verb::post, "/v1/events", "scheduler", as_lines, body)); });
    got = caller.hear();
    sender.join();
    const auto receipts = split_lines(got.body());
    REQUIRE(receipts.size() == 3001);
    for (std::size_t i = 0; i < 3000; ++i) {
        if (i % 100 == 50) CHECK(member(receipts[i], "status") == "malformed");
        else CHECK(member(receipts[i], "id") == std::to_string(i));
    }
    CHECK(member(receipts.back(), "id") == "last");
    CHECK(at.desk.most_pending <= 64);
    CHECK(caller.ask(request(verb::get, "/livez", "")).result_int() == 200);  // the connection goes on
}

TEST_CASE("a stream is answered while it is open, line by line") {
    door at;
    knock caller(at);
    auto head = request(verb::post, "/v1/events", "scheduler", as_lines);
    wire::request<wire::empty_body> opened{verb::post, "/v1/events", 11};
    for (const auto& field : head)
        if (field.name() != wire::field::content_length) opened.set(field.name_string(), field.value());
    opened.chunked(true);
    wire::request_serializer<wire::empty_body> serializer{opened};
    wire::write_header(caller.stream, serializer);
    wire::response_parser<wire::string_body> parser;
    for (int i = 0; i < 3; ++i) {
        const auto line = event(std::to_string(i)) + "\n";
        asio::write(caller.stream, wire::make_chunk(asio::buffer(line)));
        while (std::count(parser.get().body().begin(), parser.get().body().end(), '\n') <= i)
            wire::read_some(caller.stream, caller.buffer, parser);
    }
    asio::write(caller.stream, wire::make_chunk_last());
    while (!parser.is_done()) wire::read_some(caller.stream, caller.buffer, parser);
    CHECK(split_lines(parser.get().body()).size() == 3);
}

TEST_CASE("a desk that does not answer holds the stream back instead of the memory") {
    door at({.receipts = 8});
    at.desk.held = true;
    knock caller(at);
    std::string body;
    for (int i = 0; i < 100; ++i) body += event(std::to_string(i)) + "\n";
    wire::write(caller.stream, request(verb::post, "/v1/events", "scheduler", as_lines, body));
    REQUIRE(eventually([&] { return at.desk.waiting() == 8; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(at.desk.waiting() == 8);
    at.desk.let_go();
    CHECK(split_lines(caller.hear().body()).size() == 100);
}

TEST_CASE("a sender that leaves with receipts outstanding disturbs nobody; nor does a gateway that ends") {
    door at;
    at.desk.held = true;
    {
        knock caller(at);
        wire::write(caller.stream, request(verb::post, "/v1/events", "scheduler", as_lines, event("1") + "\n"));
        wire::write(caller.stream, request(verb::get, "/v1/status", "viewer"));
        REQUIRE(eventually([&] { return at.desk.waiting() == 1; }));
    }
    at.gateway.reset();
    at.desk.let_go();
    CHECK(eventually([&] { return at.desk.waiting() == 0; }));
}
