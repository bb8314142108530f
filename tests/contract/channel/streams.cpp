// What crosses, and how it ends.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "tests/contract/channel/kit.hpp"
#include "tests/unit/gate/nbd_scene.hpp"
#include "tests/unit/gate/scene.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

struct stretch {  // one stream, from program to program
    line near, far;
};

stretch lay(federation& f, listener_program& at, const std::string& kind) {
    stretch made{connect_unix(f.source_socket(kind)), line()};
    REQUIRE(made.near.good());
    made.far = at.accept();
    REQUIRE(made.far.good());
    return made;
}

// Both ways at once, in bites of random size.
void exchange(stretch& over, std::size_t size, unsigned seed) {
    const std::string call = random_bytes(size, seed), reply = random_bytes(size / 3 + 1, seed + 1);
    const auto feed = [](line& to, const std::string& all, unsigned from) {
        std::mt19937 dice(from);
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t bite = std::min<std::size_t>(1 + dice() % 300000, all.size() - at);
            if (!to.send(std::string_view(all).substr(at, bite))) return;
            at += bite;
        }
    };
    std::string got_call, got_reply;
    std::thread a([&] { feed(over.near, call, seed); });
    std::thread b([&] { feed(over.far, reply, seed + 7); });
    std::thread c([&] { got_call = over.far.read(call.size(), 30s); });
    got_reply = over.near.read(reply.size(), 30s);
    a.join(), b.join(), c.join();
    CHECK(got_call.size() == call.size());
    CHECK((got_call == call));
    CHECK((got_reply == reply));
}

}  // namespace

TEST_CASE("channel: bytes cross intact both ways, over several mem streams at once") {
    federation f;
    f.open_all();
    listener_program mem(f.destination_socket("mem"));
    std::vector<stretch> all;
    for (int n = 0; n < 5; ++n) all.push_back(lay(f, mem, "mem"));
    std::vector<std::thread> work;
    for (std::size_t n = 0; n < all.size(); ++n)
        work.emplace_back(
            [&, n] { exchange(all[n], 3'000'000 + 77'777 * n, static_cast<unsigned>(n)); });
    for (auto& one : work) one.join();

    const auto seen = *f.proxy_a->observe();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].streams == 5);
    CHECK(seen[0].sent >= 15'000'000);
    CHECK(seen[0].received >= 5'000'000);
    const auto other = *f.proxy_b->observe();
    CHECK(other.at(0).received == seen[0].sent);
    CHECK(other.at(0).sent == seen[0].received);
}

TEST_CASE("channel: a disk's mirror crosses both gates as it was, but for what names its requests") {
    namespace nbd = scene::nbd;
    federation f;
    f.open_all();
    listener_program server(f.destination_socket("nbd"));
    auto disk = lay(f, server, "nbd");
    const auto say = [&](bool client, const std::string& bytes) {
        line &from = client ? disk.near : disk.far, &to = client ? disk.far : disk.near;
        REQUIRE(from.send(bytes));
        return to.read(bytes.size());
    };
    CHECK(say(false, nbd::greeting()) == nbd::greeting());
    CHECK(say(true, nbd::client_flags()) == nbd::client_flags());
    const auto go = nbd::option(7, nbd::go("drive-virtio-disk0"));
    CHECK(say(true, go) == go);
    CHECK(say(false, nbd::option_reply(7, 1)) == nbd::option_reply(7, 1));
    constexpr std::uint64_t pointer = 0x7f00deadbeef;
    for (unsigned n = 0; n < 40; ++n) {
        const std::string data = random_bytes(1 + n * 30'011, n);
        const auto asked = nbd::request(1, pointer, 0, std::uint32_t(data.size())) + data;
        const auto came = say(true, asked);
        REQUIRE(came.size() == asked.size());
        CHECK(came.substr(8, 8) == nbd::u64(0));
        CHECK((came.substr(16) == asked.substr(16)));
        CHECK(say(false, nbd::simple_reply(0)) == nbd::simple_reply(pointer));
    }
    SECTION("and reading the destination's disk is refused, which closes the job") {
        REQUIRE(disk.near.send(nbd::request(0, pointer, 0, 4096)));
        CHECK(disk.near.closes());
        CHECK(disk.far.read(1).empty());
        CHECK(eventually([&] { return f.proxy_a_heard.was_refused("procedure_refused"); }));
    }
    SECTION("and what is no NBD") {
        REQUIRE(disk.far.send(random_bytes(1000, 5)));
        CHECK(disk.far.closes());
        CHECK(disk.near.read(1).empty());
        CHECK(eventually([&] { return f.proxy_b_heard.was_refused("not_canonical"); }));
    }
}

TEST_CASE("channel: a close at either end closes the other fully, after what was sent") {
    federation f;
    f.open_all();
    listener_program mem(f.destination_socket("mem"));
    const std::string last = random_bytes(700'000, 5);
    {
        auto one = lay(f, mem, "mem");
        std::thread sender([&] { one.near.send(last), one.near.close(); });
        const std::string got = one.far.read(last.size());
        sender.join();
        CHECK((got == last));
        CHECK(one.far.closes(2s));
    }
    {
        auto one = lay(f, mem, "mem");
        std::thread sender([&] { one.far.send(last), one.far.close(); });
        const std::string got = one.near.read(last.size());
        sender.join();
        CHECK((got == last));
        CHECK(one.near.closes(2s));
    }
    {  // no half-close: whoever shuts down its writing side is closed
        auto one = lay(f, mem, "mem");
        ::shutdown(one.near.fd(), SHUT_WR);
        CHECK(one.far.closes(2s));
        CHECK(one.near.closes(2s));
    }
    CHECK(eventually([&] { return f.proxy_b->observe()->at(0).streams == 0; }));
    CHECK(f.proxy_a_heard.closings.empty());
    CHECK(f.proxy_b_heard.closings.empty());
}

TEST_CASE("channel: close() closes all streams fully, removes the sockets, and may be repeated") {
    federation f;
    f.open_all();
    listener_program mem(f.destination_socket("mem")), nbd(f.destination_socket("nbd"));
    auto one = lay(f, mem, "mem"), other = lay(f, nbd, "nbd");
    REQUIRE(f.agent_a->close(f.leave.id));
    CHECK(one.near.closes());
    CHECK(other.near.closes());
    CHECK(one.far.closes());
    CHECK(other.far.closes());
    for (const char* kind : {"ctl", "mem", "nbd"})
        CHECK_FALSE(std::filesystem::exists(f.source_socket(kind)));
    CHECK(f.agent_a->close(f.leave.id));
    CHECK(f.proxy_a->close(f.leave.id));
    CHECK(f.proxy_a->close(migration_id{"never"}));
    CHECK(f.agent_a->observe()->empty());
    std::ofstream(f.source_socket("ctl")) << "of an agent that was killed";
    CHECK(f.agent_a->close(f.leave.id));  // which this one never opened
    CHECK_FALSE(std::filesystem::exists(f.source_socket("ctl")));
    f.open_all("aA");  // and again
    f.open_all("aA");
    auto third = lay(f, mem, "mem");
    exchange(third, 10'000, 3);
}

TEST_CASE("channel: records cross at once, both ways, whole") {
    federation f;
    f.open_all("A");  // the destination opens later: the source's proxy tries until it does
    CHECK(f.proxy_a->send_record(f.leave.id, "early").error().reason == "no_channel");
    f.open_all("Bb");
    REQUIRE(f.records_stand());
    const std::string big = random_bytes(64 << 10, 9);
    REQUIRE(f.proxy_a->send_record(f.leave.id, "released 7"));
    REQUIRE(f.proxy_a->send_record(f.leave.id, big));
    CHECK(f.proxy_a->send_record(f.leave.id, big + "!").error().reason == "too_large");
    CHECK(eventually(
        [&] { return f.proxy_b_heard.note([&] { return f.proxy_b_heard.records.size(); }) == 3; }));
    f.proxy_b_heard.note([&] {
        CHECK(f.proxy_b_heard.records.at(1) == "released 7");
        CHECK((f.proxy_b_heard.records.at(2) == big));
    });
    REQUIRE(f.proxy_b->send_record(f.leave.id, "acquired 7"));
    CHECK(eventually([&] {
        return f.proxy_a_heard.note(
            [&] { return f.proxy_a_heard.records == std::vector<std::string>{"acquired 7"}; });
    }));
    CHECK(f.proxy_b_heard.refusals.empty());
    CHECK(f.agent_a->send_record(f.leave.id, "x").error().reason == "proxy_only");
}

namespace {

// Plays a recorded migration's two libvirtds over the job's ctl stream: says each message and hears it
// at the other end, up to the call, or the whole. Returns the stream as it then stands.
stretch converse(federation& f, std::optional<std::int32_t> up_to_call = {}) {
    const auto rules = scene::policy_at(scene::place::destination);
    f.at_source.markers = f.at_destination.markers = scene::insides;
    f.at_destination.own_live_xml = rules.own_live_xml;
    f.at_destination.own_persistent_xml = rules.own_persistent_xml;
    f.open_all();
    listener_program libvirtd(f.destination_socket("ctl"));
    auto ctl = lay(f, libvirtd, "ctl");
    const auto own_uris = [&](auto& m) {
        for (auto& p : m.params) {
            if (p.field == "migrate_uri") p.text = "unix://" + f.source_socket("mem");
            if (p.field == "disks_uri") p.text = "unix://" + f.source_socket("nbd");
        }
    };
    for (auto& said : scene::recorded("inc")) {
        const auto procedure = scene::head_of(said.frame).procedure;
        const bool call = said.way == scene::direction::call;
        if (call && procedure == 303)
            said.frame = scene::edit<gate::prepare_call>(said.frame, own_uris);
        if (call && procedure == 306)
            said.frame = scene::edit<gate::finish_call>(said.frame, own_uris);
        REQUIRE((call ? ctl.near : ctl.far).send(said.frame));
        line& to = call ? ctl.far : ctl.near;
        const std::string size = to.read(4);  // what the gates rewrote has another length
        INFO("procedure " << procedure << (call ? " call" : " reply"));
        REQUIRE(size.size() == 4);
        std::size_t length = 0;
        for (const char c : size) length = length << 8 | static_cast<unsigned char>(c);
        REQUIRE(to.read(length - 4).size() == length - 4);
        if (call && procedure == up_to_call) break;
    }
    return ctl;
}

}  // namespace

TEST_CASE("channel: a whole control conversation crosses both gates, and its end is told") {
    federation f;
    const auto ctl = converse(f);
    CHECK(eventually(
        [&] { return f.proxy_a_heard.note([&] { return f.proxy_a_heard.ready; }) == 1; }));
    CHECK(f.proxy_a_heard.refusals.empty());
    CHECK(f.proxy_b_heard.refusals.empty());
}

TEST_CASE("channel: a Finish call that nobody answers is a stall, though the WAN is not dark") {
    federation f(2s);
    auto ctl = converse(f, 306);
    const auto asked = steady::now();
    CHECK(ctl.near.closes(10s));
    const auto took = steady::now() - asked;
    CHECK(took <= f.stall + 1s);
    CHECK(took >= f.stall - 200ms);
    CHECK(eventually([&] { return f.proxy_a_heard.was_closed("stalled"); }));
    CHECK(f.proxy_a_heard.note([&] { return f.proxy_a_heard.ready; }) == 0);
}

TEST_CASE("channel: a thousand streams leave no descriptor") {
    federation f;
    f.open_all();
    REQUIRE(f.records_stand());
    listener_program mem(f.destination_socket("mem"));
    const auto before = open_descriptors();
    for (int n = 0; n < 1000; ++n) {
        auto one = lay(f, mem, "mem");
        REQUIRE(one.near.send("x"));
        REQUIRE(one.far.read(1) == "x");
        (n % 2 ? one.near : one.far).close();
        REQUIRE((n % 2 ? one.far : one.near).closes());
    }
    CHECK(eventually([&] { return open_descriptors() <= before; }));
    CHECK(f.proxy_b->observe()->at(0).streams == 0);
}
