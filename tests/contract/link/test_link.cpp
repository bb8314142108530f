// The contract of actors/ports/link.hpp, over loopback.
#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "adapters/http/link.hpp"
#include "adapters/http/net.hpp"
#include "tests/unit/http/folder.hpp"

using namespace caravan;
using namespace caravan::test;
using namespace std::chrono_literals;

namespace {

// Writes down what it is told, and lets one wait for it.
struct witness final : port::link_listener {
    void connected(const port::device& d) override { say("+" + d.name); }
    void disconnected(const port::device& d) override { say("-" + d.name); }
    void received(const port::device& d, std::string frame) override {
        if (on_frame) on_frame(d, frame);
        say(d.name + ":" + frame);
    }
    void say(std::string what) {
        const std::scoped_lock hold(mutex);
        told.push_back(std::move(what));
        news.notify_all();
    }
    bool heard(const std::string& what, std::size_t times = 1) {
        std::unique_lock hold(mutex);
        return news.wait_for(hold, 60s, [&] { return std::size_t(std::count(told.begin(), told.end(), what)) >= times; });
    }
    bool at_least(std::size_t n) {
        std::unique_lock hold(mutex);
        return news.wait_for(hold, 60s, [&] { return told.size() >= n; });
    }
    std::mutex mutex;
    std::condition_variable news;
    std::vector<std::string> told;
    std::function<void(const port::device&, const std::string&)> on_frame;
};

// Notices of either end; waits for one that contains a text.
struct notebook {
    http::link_notice into() {
        return [this](const std::string& line) { lines.say(line); };
    }
    bool says(const std::string& part) {
        std::unique_lock hold(lines.mutex);
        return lines.news.wait_for(hold, 60s, [&] {
            return std::any_of(lines.told.begin(), lines.told.end(),
                               [&](const auto& l) { return l.find(part) != std::string::npos; });
        });
    }
    witness lines;
};

std::unique_ptr<http::beast_link_server> serve(notebook& notes, const std::string& at = "127.0.0.1:0",
                                               std::chrono::milliseconds dead = 60s) {
    auto made = http::beast_link_server::open(
        {cloud_name("thales"), at, clouds().material("thales", "controller"), dead, notes.into()});
    REQUIRE(made);
    return std::move(*made);
}

std::unique_ptr<http::beast_link_client> dial(notebook& notes, std::uint16_t port, const std::string& role = "agent",
                                              const std::string& cloud = "thales") {
    auto made = http::beast_link_client::open({cloud_name(cloud), "127.0.0.1:" + std::to_string(port),
                                               clouds().material(cloud, role), 60s, 20ms, 200ms, notes.into()});
    REQUIRE(made);
    return std::move(*made);
}

const port::device the_agent{port::device_kind::agent, "the-agent"};

}  // namespace

TEST_CASE("frames go both ways, whole and in order, and the name is the certificate's") {
    notebook notes;
    witness here, there;
    auto server = serve(notes);
    server->listen(here);
    auto client = dial(notes, server->port());
    client->listen(there);
    REQUIRE(here.heard("+the-agent"));
    REQUIRE(there.heard("+controller"));
    for (int i = 0; i < 500; ++i) {
        client->send("up " + std::to_string(i));
        server->send(the_agent, "down " + std::to_string(i));
    }
    REQUIRE(here.at_least(501));
    REQUIRE(there.at_least(501));
    for (int i = 0; i < 500; ++i) {
        CHECK(here.told[std::size_t(i) + 1] == "the-agent:up " + std::to_string(i));
        CHECK(there.told[std::size_t(i) + 1] == "controller:down " + std::to_string(i));
    }
    const std::string large(http::link_frame_max - 1, 'x');
    client->send(large);
    CHECK(here.heard("the-agent:" + large));
    client->send(large + "xx");  // over the bound: the connection ends, and is made anew
    CHECK(here.heard("-the-agent"));
    CHECK(here.heard("+the-agent", 2));
    CHECK(there.heard("-controller"));
}

TEST_CASE("a device dials again when the controller comes back") {
    notebook notes;
    witness here, there;
    auto server = serve(notes);
    const auto port = server->port();
    server->listen(here);
    auto client = dial(notes, port, "proxy");
    client->listen(there);
    REQUIRE(there.heard("+controller"));
    server.reset();
    REQUIRE(there.heard("-controller"));
    client->send("into the void");
    server = serve(notes, "127.0.0.1:" + std::to_string(port));
    server->listen(here);
    REQUIRE(there.heard("+controller", 2));
    client->send("again");
    CHECK(here.heard("the-proxy:again"));
    CHECK(std::count(here.told.begin(), here.told.end(), "the-proxy:into the void") == 0);
}

TEST_CASE("a device that connects twice replaces its older connection") {
    notebook notes;
    witness here, first, second;
    auto server = serve(notes);
    server->listen(here);
    auto one = dial(notes, server->port());
    one->listen(first);
    REQUIRE(here.heard("+the-agent"));
    auto two = http::beast_link_client::open({cloud_name("thales"), "127.0.0.1:" + std::to_string(server->port()),
                                              clouds().material("thales", "agent"), 5000ms, 60'000ms, 60'000ms, {}});
    REQUIRE(two);
    (*two)->listen(second);
    REQUIRE(here.heard("+the-agent", 2));
    CHECK(here.told[1] == "-the-agent");
    CHECK(here.told[2] == "+the-agent");
    CHECK(first.heard("-controller"));
}

TEST_CASE("other clouds, other roles and strangers are refused, and it is said") {
    notebook notes, theirs;
    witness here, there;
    auto server = serve(notes);
    server->listen(here);
    SECTION("a role that is no device's") {
        auto client = dial(theirs, server->port(), "operator");
        client->listen(there);
        CHECK(notes.says("refused operator the-operator of cloud thales"));
    }
    SECTION("another cloud's certificate") {
        auto client = dial(theirs, server->port(), "agent", "umea");
        client->listen(there);
        CHECK(theirs.says("cannot reach the controller"));
    }
    SECTION("no TLS at all") {
        http::asio::io_context io;
        http::tcp::socket stranger(io);
        stranger.connect({http::asio::ip::make_address("127.0.0.1"), server->port()});
        http::asio::write(stranger, http::asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
        CHECK(notes.says("refused a connection from 127.0.0.1"));
    }
    CHECK(here.told.empty());
    CHECK(there.told.empty());
}

TEST_CASE("a device talks to nobody but its controller") {
    notebook notes;
    witness here, there;
    auto posing = http::beast_link_server::open(
        {cloud_name("thales"), "127.0.0.1:0", clouds().material("thales", "agent"), 5000ms, {}});
    REQUIRE(posing);
    (*posing)->listen(here);
    auto client = dial(notes, (*posing)->port(), "proxy");
    client->listen(there);
    CHECK(notes.says("there is agent the-agent of thales, not the controller"));
    CHECK(there.told.empty());
}

TEST_CASE("a device that does not read is dropped when its queue is full") {
    notebook notes;
    witness here, there;
    std::mutex gate;
    auto server = serve(notes);
    server->listen(here);
    there.on_frame = [&](const port::device&, const std::string&) { const std::scoped_lock wait(gate); };
    auto client = dial(notes, server->port());
    client->listen(there);
    REQUIRE(here.heard("+the-agent"));
    {
        const std::scoped_lock stuck(gate);
        const std::string frame(64u << 10, 'x');
        for (std::size_t i = 0; i < http::link_queue_max + 300; ++i) server->send(the_agent, frame);
        CHECK(here.heard("-the-agent"));
    }
    CHECK(notes.says("queue of 1024 frames was full"));
    CHECK(here.heard("+the-agent", 2));
}

TEST_CASE("a peer that answers no ping is given up") {
    notebook notes;
    witness here, there;
    std::mutex gate;
    auto server = serve(notes, "127.0.0.1:0", 400ms);
    server->listen(here);
    there.on_frame = [&](const port::device&, const std::string&) { const std::scoped_lock wait(gate); };
    auto client = dial(notes, server->port());
    client->listen(there);
    REQUIRE(here.heard("+the-agent"));
    {
        const std::scoped_lock stuck(gate);  // the client's thread answers nothing while it stands here
        server->send(the_agent, "stop");
        CHECK(here.heard("-the-agent"));
    }
    CHECK(notes.says("it answered no ping"));
    CHECK(here.heard("+the-agent", 2));
}

TEST_CASE("a quiet connection lives on") {
    notebook notes;
    witness here, there;
    auto server = serve(notes, "127.0.0.1:0", 200ms);
    server->listen(here);
    auto client = dial(notes, server->port());
    client->listen(there);
    REQUIRE(here.heard("+the-agent"));
    std::this_thread::sleep_for(1500ms);
    client->send("still here");
    REQUIRE(here.heard("the-agent:still here"));
    CHECK(std::count(here.told.begin(), here.told.end(), "-the-agent") == 0);
}
