// What a controller hears of a peer's feed, and what it puts on record about it.
#include <catch2/catch.hpp>

#include "actors/runtime/controller.hpp"
#include "adapters/sim/journal.hpp"
#include "tests/unit/runtime/clockwork.hpp"

using namespace caravan;

namespace {

const cloud_name own("thales"), peer("umea");

struct shown {
    std::vector<port::feed_record> records;
    std::optional<failure> wrong;
};

// Passes on whatever is there: that a record is missing is left to the peer's actor to see.
struct blind_reader final : port::feed_reader {
    explicit blind_reader(const shown& at) : feed(at) {}
    result<std::vector<port::feed_record>> read(const port::feed_record& seen, std::size_t) override {
        if (feed.wrong) return tl::unexpected(*feed.wrong);
        std::vector<port::feed_record> later;
        for (const auto& r : feed.records)
            if (r.at > seen.at) later.push_back(r);
        return later;
    }
    void on_news(std::function<void()>) override {}
    const shown& feed;
};

struct no_devices final : port::link_server {
    void listen(port::link_listener&) override {}
    void send(const port::device&, std::string) override {}
};

struct house final : test::clockwork {
    sim::journal_disk medium{1};
    std::unique_ptr<port::journal> journal = std::move(*medium.open());
    no_devices link;
    shown feed;
    std::string log;
    std::unique_ptr<runtime::controller> controller;

    house() {
        runtime::controller_ports ports;
        ports.clock = this;
        ports.journal = journal.get();
        ports.link = &link;
        ports.loops = &steps;
        ports.log = [this](const std::string& line) { log += line + "\n"; };
        ports.new_incarnation = [] { return std::string(26, '0'); };
        runtime::peer_config p;
        p.cloud = peer;
        p.from = std::make_unique<blind_reader>(feed);
        ports.peers.push_back(std::move(p));
        controller = std::make_unique<runtime::controller>(steps.actors(), own, std::move(ports));
        REQUIRE(controller->start());
        commit();
    }
    ~house() {
        controller->close();
        steps.drain();
    }
    void has(std::initializer_list<std::uint64_t> numbers) {
        feed.records.clear();
        for (const auto n : numbers) feed.records.push_back({sequence(n), std::string(26, 'A'), "{}", std::string(32, char(n))});
    }
    // What stands in the peer's stream: each record's number, or the reason why it was stopped.
    std::string told() {
        pass(std::chrono::seconds(2));
        std::string all;
        REQUIRE(journal->read_stream(stream_id("cloud/" + peer.text), {}, [&](const port::entry& e) {
            const auto known = decode(e.bytes, e.inside);
            REQUIRE(known);
            const auto* what = std::get_if<cloud::fact>(&known->what);
            if (!what) return true;  // that a person is needed
            if (const auto* heard = std::get_if<cloud::heard>(what)) all += std::to_string(heard->at.value) + " ";
            if (const auto* stopped = std::get_if<cloud::feed_stopped>(what)) all += stopped->reason + " ";
            if (std::holds_alternative<cloud::feed_resumed>(*what)) all += "resumed ";
            return true;
        }));
        return all;
    }
    void resume() {
        controller->actors().deliver(stream_id("cloud/" + peer.text), command(cloud::command(cloud::resume_feed{false})));
    }
};

}  // namespace

TEST_CASE("what was offered while the feed stopped is heard once it is resumed, with what was missing") {
    house h;
    h.has({1, 3});
    CHECK(h.told() == "1 feed_gap ");
    h.has({1, 2, 3});
    CHECK(h.told() == "1 feed_gap ");  // until a person says so
    h.resume();
    CHECK(h.told() == "1 feed_gap resumed 2 3 ");
}

TEST_CASE("a feed that is resumed before it is mended stops again") {
    house h;
    h.has({1, 3});
    CHECK(h.told() == "1 feed_gap ");
    h.resume();
    CHECK(h.told() == "1 feed_gap resumed feed_gap ");
}

TEST_CASE("a feed that cannot be reached is seen, said once, and over once it can be") {
    house h;
    const auto seen = [&](const char* path) {
        std::string said;
        h.controller->desk().read({}, path, "", [&](port::answer a) { said = a.json; });
        return said;
    };
    CHECK_THAT(seen("/clouds/umea"), Catch::Contains(R"("state":"listening")"));
    h.feed.wrong = failure{certainty::transient, "feed_unreachable", "the share does not answer"};
    CHECK(h.told() == "");
    CHECK_THAT(seen("/clouds/umea"), Catch::Contains(R"("state":"hindered")") &&
                                         Catch::Contains(R"("problem":"feed_unreachable","detail":"the share does not answer")"));
    CHECK_THAT(seen("/status"), Catch::Contains(R"({"name":"umea","state":"hindered"})"));
    CHECK(h.log == "feed from umea: feed_unreachable the share does not answer; tried again until it goes\n");
    h.feed.wrong.reset();
    h.has({1});
    CHECK(h.told() == "1 ");
    CHECK_THAT(seen("/clouds/umea"), Catch::Contains(R"("state":"listening")") && Catch::Contains(R"("problem":null)"));
    CHECK(h.log == "feed from umea: feed_unreachable the share does not answer; tried again until it goes\n"
                   "feed from umea: goes on, after feed_unreachable\n");
}

TEST_CASE("that a feed stopped is on record once the disk has room for it") {
    house h;
    h.medium.faults.full = true;
    h.feed.wrong = failure{certainty::permanent, "feed_rewound", "it ends before what was seen"};
    CHECK(h.told() == "");
    h.medium.faults.full = false;
    CHECK(h.told() == "feed_rewound ");
    CHECK(h.told() == "feed_rewound ");  // once
}
