// Who is not let in, and what it costs the others: nothing.
#include <catch2/catch.hpp>

#include "adapters/channel/bundle.hpp"
#include "adapters/channel/preface.hpp"
#include "tests/contract/channel/kit.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

// A peer's proxy made by hand: shows a preface, and hears the answer.
std::string knock(federation& f, const tls::material& as, const channel::preface& said) {
    const auto context = tls::client_context(as, {{cloud_name{"umea"}, f.keys.ca("umea")}});
    REQUIRE(context);
    line end(connect_tcp(f.proxy_b->wan_port()));
    const timeval wait{5, 0};
    ::setsockopt(end.fd(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    const auto over = tls::connect_on(context->get(), end.fd());
    const std::string bytes = *channel::write_preface(said);
    char size = 0;
    if (SSL_do_handshake(over.get()) != 1 ||
        SSL_write(over.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0 ||
        SSL_read(over.get(), &size, 1) != 1)
        return "cut off";
    std::string reason(static_cast<unsigned char>(size), '\0');
    if (reason.empty()) return "welcome";
    return SSL_read(over.get(), reason.data(), size) == size ? reason : "cut off";
}

channel::preface good(const federation& f) {
    return {channel::lane::mem, f.leave.id, f.at_destination.ticket};
}

}  // namespace

TEST_CASE("channel: the destination's proxy names why a stranger stays outside") {
    federation f;
    f.keys.ca("oslo");
    const auto thales = f.keys.issue("thales", "proxy", "wan");
    auto shown = good(f);
    CHECK(knock(f, thales, shown) == "ticket_unknown");  // before open()
    f.open_all("Bb");
    CHECK(knock(f, thales, shown) == "welcome");
    shown.ticket.body[20] ^= 1;
    CHECK(knock(f, thales, shown) == "ticket_forged");
    shown = good(f);
    shown.id = migration_id{"another"};
    CHECK(knock(f, thales, shown) == "ticket_unknown");
    CHECK(f.proxy_b_heard.was_refused("ticket_forged"));
    SECTION("after its deadline") {
        f.clock.micros += 601'000'000;
        // Either its proxy's timer was first, and has shut the job, or the ticket itself is old.
        const auto said = knock(f, thales, good(f));
        CHECK((said == "ticket_expired" || said == "ticket_revoked" || said == "ticket_unknown"));
        CHECK(eventually([&] { return f.proxy_b_heard.was_refused("ticket_expired"); }));
    }
    SECTION("after close(), which is final") {
        f.proxy_b->close(f.leave.id);
        CHECK(knock(f, thales, good(f)) == "ticket_revoked");
        CHECK(f.proxy_b->open(f.at_destination).error().reason == "ticket_revoked");
    }
}

TEST_CASE("channel: only the pinned cloud's proxies, and only for their own tickets") {
    federation f;
    f.open_all("Bb");
    CHECK(knock(f, f.keys.issue("oslo", "proxy", "wan"), good(f)) == "cut off");
    CHECK(knock(f, f.keys.forge("oslo", "thales", "proxy", "wan"), good(f)) == "cut off");
    CHECK(knock(f, f.keys.issue("thales", "agent", "h1"), good(f)) == "cut off");
    CHECK(knock(f, f.keys.issue("thales", "proxy", "wan"), good(f)) == "welcome");
}

TEST_CASE("channel: a peer that knocks without end fills nobody's journal") {
    federation f;
    f.open_all("Bb");
    const auto thales = f.keys.issue("thales", "proxy", "wan");
    auto shown = good(f);
    shown.ticket.body[20] ^= 1;
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 30; ++i) CHECK(knock(f, thales, shown) == "ticket_forged");
    const auto took = std::chrono::steady_clock::now() - began;
    const auto told = f.proxy_b_heard.note([&] { return f.proxy_b_heard.refusals.size(); });
    CHECK(told >= 1);
    CHECK(told <= 1 + static_cast<std::size_t>(took / std::chrono::seconds(1)));
}

TEST_CASE("channel: a peer that says records without end closes its job") {
    federation f;
    f.open_all("ABab");
    REQUIRE(f.records_stand());  // one was said
    for (std::size_t i = 1; i < channel::records_max; ++i) REQUIRE(f.proxy_a->send_record(f.leave.id, "released 7"));
    const auto heard = [&] { return f.proxy_b_heard.note([&] { return f.proxy_b_heard.records.size(); }); };
    CHECK(eventually([&] { return heard() == channel::records_max; }));
    CHECK(f.proxy_b_heard.refusals.empty());
    (void)f.proxy_a->send_record(f.leave.id, "released 7");
    CHECK(eventually([&] { return f.proxy_b_heard.was_refused("too_many_records"); }));
    CHECK(heard() == channel::records_max);
}

TEST_CASE("channel: open() at the destination judges the ticket too") {
    federation f;
    const auto reason = [&] { return f.proxy_b->open(f.at_destination).error().reason; };
    SECTION("another source cloud") {
        f.at_destination.peer = cloud_name{"oslo"};
        CHECK(reason() == "wrong_peer");
    }
    SECTION("another VM") {
        f.at_destination.vm.name = vm_name{"vm2"};
        CHECK(reason() == "wrong_vm");
    }
    SECTION("too late") {
        f.clock.micros += 601'000'000;
        CHECK(reason() == "ticket_expired");
    }
    SECTION("not ours") {
        f.at_destination.ticket.signature[3] ^= 1;
        CHECK(reason() == "ticket_forged");
    }
    SECTION("a bad name") {
        f.at_destination.id = migration_id{"../etc"};
        CHECK(reason() == "bad_migration_id");
    }
}

TEST_CASE("channel: over its budget, a job is closed at once and both sides are told") {
    federation f;
    f.leave.budget = 1'000'000;
    f.sign();
    f.open_all();
    listener_program mem(f.destination_socket("mem"));
    line one = connect_unix(f.source_socket("mem"));
    line far = mem.accept();
    line other = connect_unix(f.source_socket("mem"));
    line second = mem.accept();
    REQUIRE(far.good());
    REQUIRE(second.good());
    REQUIRE(one.send(random_bytes(600'000, 1)));
    REQUIRE(far.read(600'000).size() == 600'000);
    CHECK_FALSE(f.proxy_b_heard.was_refused("over_budget"));
    (void)second.send(random_bytes(500'000, 2));  // the other stream, the other way; may be cut short
    CHECK(eventually([&] { return f.proxy_b_heard.was_refused("over_budget"); }));
    CHECK(one.closes());
    CHECK(other.closes());
    CHECK(far.closes());
    CHECK(second.closes());
    CHECK(eventually([&] { return f.proxy_a_heard.was_closed("broken"); }));
    line late = connect_unix(f.source_socket("mem"));
    CHECK(late.closes());
    CHECK(eventually([&] { return f.proxy_a_heard.was_refused("ticket_revoked"); }));
}

TEST_CASE("channel: what the gate refuses closes the whole job, with the gate's reason") {
    federation f;
    f.open_all();
    listener_program libvirtd(f.destination_socket("ctl")), nbd(f.destination_socket("nbd"));
    line disk = connect_unix(f.source_socket("nbd")), ctl = connect_unix(f.source_socket("ctl"));
    line far_disk = nbd.accept(), far = libvirtd.accept();
    REQUIRE(far.good());
    REQUIRE(far_disk.good());
    SECTION("a call of the source") {
        ctl.send(random_bytes(400, 3));
        CHECK(eventually([&] {
            return f.proxy_a_heard.note([&] { return f.proxy_a_heard.refusals.size(); }) == 1;
        }));
    }
    SECTION("a reply that nobody asked for, of the destination") {
        std::string frame("\0\0\0\x1c\x20\0\x80\x86\0\0\0\1\0\0\0\x42\0\0\0\1\0\0\0\0\0\0\0\0", 28);
        far.send(frame);
        CHECK(eventually([&] { return f.proxy_b_heard.was_refused("unasked_reply"); }));
    }
    CHECK(disk.closes());
    CHECK(ctl.closes());
    CHECK(far.closes());
    CHECK(far_disk.closes());
}

TEST_CASE("channel: another cloud's agent, or another host's, carries nothing") {
    federation f;
    f.open_all("ABb");
    listener_program mem(f.destination_socket("mem"));
    f.at_source.host = host_name{"h2"};  // the job is h2's, and it is h1 that comes
    f.open_all("Aa");
    line one = connect_unix(f.source_socket("mem"));
    CHECK(one.closes());
    CHECK_FALSE(mem.accept(100ms).good());
    heard quiet;
    const auto own = f.keys.issue("oslo", "agent", "h1");
    auto foreign = channel::agent_channel::make(
        {own, "127.0.0.1:0", f.at_destination.sockets, "/none", f.stall}, quiet);
    REQUIRE(foreign);
    REQUIRE((*foreign)->open(f.at_source));
    line other = connect_unix(f.destination_socket("nbd"));  // its own, in that directory
    CHECK(other.closes());
    CHECK(eventually([&] { return quiet.was_closed("proxy_unreachable"); }));
}
