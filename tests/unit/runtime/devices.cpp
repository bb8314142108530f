// What a controller tells a device that is slow to follow.
#include <catch2/catch.hpp>

#include "actors/runtime/controller.hpp"
#include "adapters/sim/journal.hpp"
#include "events/order.hpp"
#include "tests/unit/runtime/clockwork.hpp"

using namespace caravan;

namespace {

const port::device p1{port::device_kind::proxy, "p1"};
constexpr std::size_t in_flight_max = 8, guests = 20;

std::string mac_of(std::size_t guest) { return "mac" + std::to_string(guest); }

struct told_link final : port::link_server {
    void listen(port::link_listener& to) override { listener = &to; }
    void send(const port::device&, std::string frame) override {
        const auto document = json_document::parse(frame);
        REQUIRE(document);
        auto said = from_json<order>(*document->root().at("is"));
        REQUIRE(said);
        orders.push_back(std::move(*said));
    }
    port::link_listener* listener = nullptr;
    std::vector<order> orders;
};

// A controller with one proxy, which reports when it is told to.
struct house final : test::clockwork {
    sim::journal_disk medium{1};
    std::unique_ptr<port::journal> journal = std::move(*medium.open());
    told_link link;
    std::unique_ptr<runtime::controller> controller;

    house() {
        runtime::controller_ports ports;
        ports.clock = this;
        ports.journal = journal.get();
        ports.link = &link;
        ports.loops = &steps;
        ports.new_incarnation = [] { return std::string(26, '0'); };
        controller = std::make_unique<runtime::controller>(steps.actors(), cloud_name("thales"), std::move(ports));
        REQUIRE(controller->start());
        link.listen(*controller);
        commit();
        connect();
        report_all();
        wish("van/lan", van::command(van::create{7, cloud_name("thales")}));
        report_all();
        link.orders.clear();
    }
    ~house() {
        controller->close();
        steps.drain();
    }
    void wish(const char* to, command what) {
        controller->actors().deliver(stream_id(to), std::move(what));
        commit();
        commit();
    }
    void move_routes(std::uint64_t right) {
        for (std::size_t i = 0; i < guests; ++i)
            wish("van/lan", van::command(van::move_route{mac_of(i), cloud_name("thales"), host_name("h1"), epoch(right)}));
    }
    void connect() {
        link.listener->connected(p1);
        link.listener->received(p1, frame_of("proxy", proxy_hello{"p1:1", "p1", {}}));
        settle();
        commit();
    }
    // Each order said since, and what that leads to, until nothing is.
    std::vector<order> report_all() {
        std::vector<order> all;
        while (!link.orders.empty()) {
            for (auto& o : std::exchange(link.orders, {})) {
                link.listener->received(p1, frame_of("report", report{o.number, {}, {}, {}}));
                all.push_back(std::move(o));
            }
            settle();
            commit();
        }
        return all;
    }
};

}  // namespace

TEST_CASE("a device that does not follow is told few things at once, and the newest of each in the end") {
    house h;
    h.move_routes(1);
    h.move_routes(2);
    CHECK(h.link.orders.size() == in_flight_max);  // of forty
    std::map<std::string, epoch> last;
    const auto told = h.report_all();
    for (const auto& o : told)
        if (o.what == act::set_routes)
            for (const auto& r : o.routes) last[r.mac] = r.run_right;
    CHECK(told.size() == in_flight_max + guests);
    REQUIRE(last.size() == guests);
    for (const auto& [mac, right] : last) CHECK(right == epoch(2));
}

TEST_CASE("what a device had not reported is said again when it comes back, and not what waits behind it") {
    house h;
    h.move_routes(1);
    h.link.orders.clear();
    h.link.listener->disconnected(p1);
    h.settle();
    h.commit();
    h.connect();
    CHECK(h.link.orders.size() == in_flight_max);
    std::set<std::string> set;
    for (const auto& o : h.report_all())
        for (const auto& r : o.routes) set.insert(r.mac);
    CHECK(set.size() == guests);
}
