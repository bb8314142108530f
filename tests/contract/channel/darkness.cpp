// What happens when the WAN goes dark, or a process dies.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/contract/channel/kit.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

struct copying {
    explicit copying(federation& f)
        : mem(f.destination_socket("mem")), nbd(f.destination_socket("nbd")), ctl(f.destination_socket("ctl")) {
        f.open_all();
        REQUIRE(f.records_stand());
        near_disk = connect_unix(f.source_socket("nbd"));
        near_mem = connect_unix(f.source_socket("mem"));
        near_ctl = connect_unix(f.source_socket("ctl"));
        far_disk = nbd.accept(), far_mem = mem.accept(), far_ctl = ctl.accept();
        REQUIRE(far_disk.good());
        REQUIRE(far_mem.good());
        REQUIRE(far_ctl.good());
        REQUIRE(near_mem.send("m"));
        REQUIRE(far_mem.read(1) == "m");
    }
    listener_program mem, nbd, ctl;
    line near_disk, near_mem, near_ctl, far_disk, far_mem, far_ctl;
};

steady::time_point when_closed(line& one) {
    REQUIRE(one.closes(10s));
    return steady::now();
}

}  // namespace

TEST_CASE("channel: a stall closes everything in time, and nbd at the source first") {
    const bool idle = GENERATE(false, true);
    federation f(2s);
    copying now(f);
    const auto dark = steady::now();
    f.wan->go_dark();
    if (!idle) now.near_mem.send(random_bytes(100'000, 1));
    steady::time_point disk, memory, control;
    std::thread a([&] { disk = when_closed(now.near_disk); });
    std::thread b([&] { memory = when_closed(now.near_mem); });
    control = when_closed(now.near_ctl);
    a.join(), b.join();
    CHECK(disk - dark <= f.stall + 1s);
    CHECK(disk - dark >= f.stall - 1200ms);
    CHECK(disk <= memory + 5ms);
    CHECK(disk <= control + 5ms);
    CHECK(control - disk < 500ms);
    CHECK(now.far_disk.closes(2s));
    CHECK(now.far_mem.closes(2s));
    CHECK(now.far_ctl.closes(2s));
    CHECK(eventually([&] { return f.proxy_a_heard.was_closed("stalled"); }));
    CHECK(eventually([&] { return f.proxy_b_heard.was_closed("stalled"); }));
    CHECK(eventually([&] { return f.agent_a_heard.was_closed("broken"); }));

    f.wan->heal();  // and the job may be tried again
    REQUIRE(f.records_stand());
    now.near_mem = connect_unix(f.source_socket("mem"));
    now.far_mem = now.mem.accept();
    REQUIRE(now.near_mem.send("again"));
    CHECK(now.far_mem.read(5) == "again");
}

TEST_CASE("channel: idle but healthy is not a stall") {
    federation f(2s);
    copying now(f);
    CHECK_FALSE(now.near_disk.closes(4s));
    CHECK(f.proxy_a_heard.closings.empty());
    CHECK(f.proxy_b_heard.closings.empty());
    REQUIRE(now.near_disk.send("still"));
    CHECK(now.far_disk.read(5) == "still");
}

TEST_CASE("channel: a short blackout harms nothing") {
    federation f(4s);
    copying now(f);
    f.wan->go_dark();
    now.near_mem.send(random_bytes(200'000, 1));
    CHECK_FALSE(now.near_disk.closes(1s));
    f.wan->heal();
    CHECK(now.far_mem.read(200'000).size() == 200'000);
    CHECK(f.proxy_a_heard.closings.empty());
}

TEST_CASE("channel: a dead proxy is noticed at once, wherever it dies") {
    federation f;
    copying now(f);
    const bool at_source = GENERATE(true, false);
    const auto died = steady::now();
    (at_source ? f.proxy_a : f.proxy_b).reset();
    CHECK(now.near_disk.closes(2s));
    CHECK(now.near_mem.closes(2s));
    CHECK(now.far_disk.closes(2s));
    CHECK(now.far_ctl.closes(2s));
    CHECK(steady::now() - died < 2s);
    CHECK(eventually([&] { return f.agent_a_heard.was_closed("broken"); }));
    CHECK(eventually([&] { return f.agent_b_heard.was_closed("broken"); }));
}

TEST_CASE("channel: no QEMU at the destination, and the source learns it at once") {
    federation f;
    f.open_all();
    line one = connect_unix(f.source_socket("mem"));
    CHECK(one.closes(3s));
    CHECK(eventually([&] { return f.proxy_a_heard.was_closed("broken"); }));
}
