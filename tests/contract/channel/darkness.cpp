// What happens when the WAN goes dark, or a process dies.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "tests/contract/channel/kit.hpp"
#include "tests/unit/gate/nbd_scene.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

struct copying {
    explicit copying(federation& f)
        : mem(f.destination_socket("mem")),
          nbd(f.destination_socket("nbd")),
          ctl(f.destination_socket("ctl")) {
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

// The order in which ends were closed, as the kernel queued it (epoll(7) hands out ends in the
// order in which they became ready).
class closing_order {
  public:
    closing_order(std::initializer_list<const line*> ends) : set_(::epoll_create1(EPOLL_CLOEXEC)) {
        for (const line* end : ends) {
            epoll_event what{EPOLLRDHUP, {}};
            what.data.fd = end->fd();
            ::epoll_ctl(set_, EPOLL_CTL_ADD, end->fd(), &what);
            ends_.push_back({end->fd(), POLLRDHUP, 0});
        }
    }
    ~closing_order() { ::close(set_); }
    bool first_closed(std::chrono::milliseconds within) {
        return ::poll(ends_.data(), ends_.size(), static_cast<int>(within.count())) > 0;
    }
    bool all_closed() {
        return ::poll(ends_.data(), ends_.size(), 0) == static_cast<int>(ends_.size());
    }
    int first() {
        std::array<epoll_event, 8> queued{};
        REQUIRE(::epoll_wait(set_, queued.data(), 8, 0) == static_cast<int>(ends_.size()));
        return queued[0].data.fd;
    }

  private:
    int set_;
    std::vector<pollfd> ends_;
};

}  // namespace

TEST_CASE("channel: a stall closes everything in time, and nbd at the source first") {
    const bool idle = GENERATE(false, true);
    federation f(2s);
    copying now(f);
    closing_order order{&now.near_ctl, &now.near_mem, &now.near_disk};
    const auto dark = steady::now();
    f.wan->go_dark();
    if (!idle) now.near_mem.send(random_bytes(100'000, 1));
    REQUIRE(order.first_closed(10s));
    const auto took = steady::now() - dark;
    CHECK(took <= f.stall + 1s);
    CHECK(took >= f.stall - 1200ms);
    REQUIRE(eventually([&] { return order.all_closed(); }, 500ms));
    CHECK(order.first() == now.near_disk.fd());
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
    REQUIRE(now.far_disk.send(scene::nbd::greeting()));
    CHECK(now.near_disk.read(18) == scene::nbd::greeting());
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
