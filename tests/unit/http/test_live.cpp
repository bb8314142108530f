#include "tests/unit/http/door.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

// A WebSocket client of /v1/stream.
struct watcher {
    explicit watcher(door& at, const std::string& protocols = "", const std::string& role = "viewer",
                     int receive_buffer = 0)
        : socket(io, secure) {
        secure.load_verify_file(clouds().material("thales", "controller").ca);
        auto& plain = beast::get_lowest_layer(socket).socket();
        plain.open(http::tcp::v4());
        if (receive_buffer) plain.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
        plain.connect({asio::ip::make_address("127.0.0.1"), at.gateway->ports()[0]});
        socket.next_layer().handshake(asio::ssl::stream_base::client);
        socket.set_option(http::websocket::stream_base::decorator([=](http::websocket::request_type& upgrade) {
            if (protocols.empty())
                upgrade.set(wire::field::authorization, "Bearer " + token_of(role));
            else
                upgrade.set(wire::field::sec_websocket_protocol, protocols);
        }));
        socket.handshake(answer, "127.0.0.1", "/v1/stream");
        socket.read_message_max(64u << 20);
    }
    void say(const std::string& text) { socket.write(asio::buffer(text)); }
    std::string hear() {
        beast::flat_buffer buffer;
        socket.read(buffer);
        return beast::buffers_to_string(buffer.data());
    }
    asio::io_context io;
    asio::ssl::context secure{asio::ssl::context::tls_client};
    http::websocket::stream<http::tls_stream> socket;
    http::websocket::response_type answer;
};

std::string subject(const std::string& frame) { return member(member(frame, "event"), "subject"); }

}  // namespace

TEST_CASE("who resumes is told what was missed, then what happens, each once and in order") {
    door at;
    for (int i = 1; i <= 1200; ++i) at.desk.commit("caravan.vm.started", std::to_string(i));
    watcher w(at);
    w.say(R"({"subscribe":{"after":100}})");
    const auto hello = member(w.hear(), "hello");
    CHECK(member(hello, "recovered") == "true");
    CHECK(member(hello, "position") == "1200");
    CHECK_FALSE(member(hello, "epoch").empty());
    for (int i = 101; i <= 700; ++i) REQUIRE(subject(w.hear()) == std::to_string(i));
    for (int i = 1201; i <= 1500; ++i) at.desk.commit("caravan.vm.started", std::to_string(i));
    for (int i = 701; i <= 1500; ++i) REQUIRE(subject(w.hear()) == std::to_string(i));
}

TEST_CASE("who cannot resume gets a snapshot first") {
    door at({.catch_up = 10});
    for (int i = 1; i <= 50; ++i) at.desk.commit("caravan.vm.started", std::to_string(i));
    for (const char* after : {"{\"after\":5}", "{\"after\":99999}", "{}"}) {
        watcher w(at);
        w.say("{\"subscribe\":" + std::string(after) + "}");
        CHECK(member(member(w.hear(), "hello"), "recovered") == "false");
        CHECK(member(member(w.hear(), "snapshot"), "position") == "50");
    }
}

TEST_CASE("filters hold for what was and what comes; a new subscription replaces the old") {
    door at;
    at.desk.commit("caravan.vm.started", "a");
    at.desk.commit("caravan.host.joined", "b");
    watcher w(at);
    w.say(R"({"subscribe":{"after":0,"types":["caravan.host.joined"]}})");
    w.hear();
    CHECK(subject(w.hear()) == "b");
    at.desk.commit("caravan.vm.started", "c");
    at.desk.commit("caravan.host.joined", "d");
    CHECK(subject(w.hear()) == "d");
    w.say(R"({"subscribe":{"after":4,"subjects":["e"]}})");
    CHECK(member(member(w.hear(), "hello"), "position") == "4");
    at.desk.commit("caravan.host.joined", "d");
    at.desk.commit("caravan.vm.started", "e");
    CHECK(subject(w.hear()) == "e");
}

TEST_CASE("a browser's token comes as a subprotocol; nonsense is answered with a close") {
    door at;
    watcher w(at, "caravan.v1, bearer." + token_of("viewer"));
    CHECK(w.answer[wire::field::sec_websocket_protocol] == "caravan.v1");
    w.say("nonsense");
    CHECK_THROWS(w.hear());
    CHECK(w.socket.reason().code == http::websocket::close_code::policy_error);
    CHECK_THROWS(watcher(at, "caravan.v1, bearer.0"));
    CHECK_THROWS(watcher(at, "caravan.v1"));
}

TEST_CASE("a slow reader loses no event silently: a snapshot, or a close that says to come again") {
    door at({.frames = 64, .doomed = std::chrono::milliseconds(30'000)});
    at.desk.padding = ",\"x\":\"" + std::string(4000, 'x') + "\"";
    watcher w(at, "", "viewer", 4096);
    w.say(R"({"subscribe":{"after":0}})");
    w.hear();
    REQUIRE(eventually([&] { return at.desk.listening() == 1; }));
    // Not read at all: what fits into sockets goes, then the queue fills twice over.
    for (int i = 1; i <= 2000; ++i) at.desk.commit("caravan.vm.started", std::to_string(i));
    int last = 0, snapshots = 0;
    bool closed = false;
    while (!closed) {
        try {
            const auto frame = w.hear();
            if (frame.starts_with("{\"snapshot\"")) {
                ++snapshots;
                last = std::stoi(member(member(frame, "snapshot"), "position"));
                continue;
            }
            const int at_now = std::stoi(member(member(frame, "event"), "position"));
            REQUIRE(at_now == last + 1);  // no hole that no snapshot covers
            last = at_now;
        } catch (const boost::system::system_error&) {
            closed = true;
        }
    }
    CHECK(w.socket.reason().code == http::websocket::close_code::try_again_later);
    CHECK(eventually([&] { return at.desk.listening() == 0; }));
}

TEST_CASE("one lapse is mended by one snapshot") {
    door at({.frames = 200});
    at.desk.padding = ",\"x\":\"" + std::string(4000, 'x') + "\"";
    watcher w(at, "", "viewer", 4096);
    w.say(R"({"subscribe":{"after":0}})");
    w.hear();
    int made = 0;
    // Until the queue has overflowed once; sockets hold an amount that nobody knows.
    for (; made < 330; ++made) at.desk.commit("caravan.vm.started", "s");
    int last = 0;
    bool snapshot = false;
    while (last < made) {
        const auto frame = w.hear();
        if (frame.starts_with("{\"snapshot\"")) {
            snapshot = true;
            last = std::stoi(member(member(frame, "snapshot"), "position"));
        } else {
            const int at_now = std::stoi(member(member(frame, "event"), "position"));
            REQUIRE(at_now == last + 1);
            last = at_now;
        }
    }
    CHECK(snapshot);
    at.desk.commit("caravan.vm.started", "after");
    CHECK(subject(w.hear()) == "after");
}

TEST_CASE("a reader that never reads again is cut off") {
    door at({.frames = 16, .doomed = std::chrono::milliseconds(50)});
    at.desk.padding = ",\"x\":\"" + std::string(100'000, 'x') + "\"";
    watcher w(at, "", "viewer", 4096);
    w.say(R"({"subscribe":{"after":0}})");
    w.hear();
    for (int i = 0; i < 200; ++i) at.desk.commit("caravan.vm.started", "s");
    CHECK(eventually([&] { return at.desk.listening() == 0; }));
}

TEST_CASE("progress of one thing is coalesced, events are not") {
    door at;
    at.desk.padding = ",\"x\":\"" + std::string(50'000, 'x') + "\"";
    watcher w(at, "", "viewer", 4096);
    w.say(R"({"subscribe":{"after":0}})");
    w.hear();
    REQUIRE(eventually([&] { return at.desk.listening() == 1; }));
    for (int i = 1; i <= 100; ++i) {
        at.desk.commit("caravan.vm.started", std::to_string(i));
        at.desk.progress("A", i);
        at.desk.progress("B", i);
    }
    int events = 0, progress = 0, newest = 0;
    while (events < 100 || newest < 100) {
        const auto frame = w.hear();
        if (frame.starts_with("{\"event\"")) {
            ++events;
        } else {
            ++progress;
            const auto line = member(frame, "progress");
            if (member(line, "migration") == "B") newest = std::stoi(member(line, "percent"));
        }
    }
    CHECK(events == 100);
    CHECK(progress < 100);
}
