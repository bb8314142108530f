// The disk's gate: a mirror's conversation as QEMU 7.2 has it, and what a hostile one may try.
#include <catch2/catch.hpp>
#include <set>

#include "adapters/channel/gate/nbd/gate.hpp"
#include "tests/unit/gate/nbd_scene.hpp"

using namespace scene::nbd;

namespace {

constexpr std::uint64_t heap = 0x55d0c0ffee00;  // where the source's QEMU keeps its requests

// Greeting, structured replies, the one context, GO: as QEMU's client does it.
std::vector<message> handshake() {
    return {server(greeting()),
            client(client_flags()),
            client(option(8)),
            server(option_reply(8, 1)),
            client(option(10, meta_context("drive-virtio-disk0", "base:allocation"))),
            server(option_reply(10, 4, u32(0) + "base:allocation")),
            server(option_reply(10, 1)),
            client(option(7, go("drive-virtio-disk0"))),
            server(option_reply(7, 3, u16(0) + u64(128 << 20) + u16(0x4ed))),
            server(option_reply(7, 3, u16(3) + u32(1) + u32(4096) + u32(32 << 20))),
            server(option_reply(7, 1))};
}

std::vector<message> mirror() {
    auto all = handshake();
    const auto add = [&](message m) { all.push_back(std::move(m)); };
    add(client(request(1, heap + 0x10, 0, 65536) + std::string(65536, 'd')));
    add(client(request(6, heap + 0x20, 1 << 20, 0x80000000u)));
    add(client(request(1, heap + 0x30, 65536, 512) + std::string(512, 'e')));
    add(server(simple_reply(heap + 0x20)));
    add(server(simple_reply(heap + 0x10)));
    add(client(request(3, heap + 0x10, 0, 0)));  // a number is used again
    add(server(chunk(heap + 0x30, 0)));
    add(server(simple_reply(heap + 0x10)));
    add(client(request(7, heap + 0x40, 0, 1 << 20)));
    add(server(chunk(heap + 0x40, 5, u32(0) + u32(1 << 20) + u32(0))));
    add(client(request(2, 0x123456789, 0, 0)));
    return all;
}

std::string after_handshake(message last) {
    auto all = handshake();
    all.push_back(std::move(last));
    return run(all).reason;
}

}  // namespace

TEST_CASE("nbd: a mirror passes both gates, and no pointer crosses") {
    const auto all = mirror();
    const auto seen = run(all);
    CHECK(seen.reason.empty());
    CHECK((seen.out == all));
    REQUIRE(seen.wire.size() == all.size());
    const auto pointer = u64(heap).substr(0, 6);
    std::set<std::uint64_t> numbers;
    for (std::size_t n = 0; n < all.size(); ++n) {
        CHECK(seen.wire[n].bytes.find(pointer) == std::string::npos);
        CHECK(seen.wire[n].bytes.size() == all[n].bytes.size());
        if (is_request(seen.wire[n])) numbers.insert(handle_of(seen.wire[n]));
    }
    CHECK(numbers == std::set<std::uint64_t>{0, 1, 2});  // at most three were open at once
}

TEST_CASE("nbd: chunking changes nothing") {
    const auto all = mirror();
    std::mt19937 dice(GENERATE(range(1u, 30u)));
    const auto seen = run(all, [&](std::size_t left) {
        return 1 + dice() % std::min<std::size_t>(left, dice() % 3 == 0 ? 70000 : 40);
    });
    CHECK(seen.reason.empty());
    CHECK((seen.out == all));
}

TEST_CASE("nbd: texts of errors are blanks beyond the gate") {
    auto all = handshake();
    all.pop_back(), all.pop_back(), all.pop_back();
    all.push_back(server(option_reply(7, 1u << 31 | 6, "no export in /srv/secret-b/vm1.qcow2")));
    all.push_back(client(option(7, go("drive-virtio-disk0"))));
    all.push_back(server(option_reply(7, 1)));
    all.push_back(client(request(1, heap, 0, 1) + "x"));
    const std::string text = "cannot write /srv/secret-b/vm1.qcow2";
    all.push_back(server(chunk(heap, 0x8001, u32(5) + u16(std::uint16_t(text.size())) + text)));
    all.push_back(client(request(3, heap, 0, 0)));
    all.push_back(
        server(chunk(heap, 0x8002, u32(5) + u16(std::uint16_t(text.size())) + text + u64(7))));
    const auto seen = run(all);
    CHECK(seen.reason.empty());
    for (const auto& m : seen.wire) CHECK(m.bytes.find("secret") == std::string::npos);
    CHECK(seen.wire.back().bytes.ends_with(u64(7)));
}

TEST_CASE("nbd: only what mirrors a disk") {
    for (const std::uint32_t which : {1u, 3u, 5u, 6u, 9u, 11u, 4096u}) {
        auto all = handshake();
        all.resize(2);
        all.push_back(client(option(which)));
        CAPTURE(which);
        CHECK(run(all).reason == "procedure_refused");
    }
    for (const int what : {0, 5, 8, 99}) {
        CAPTURE(what);
        CHECK(after_handshake(client(request(std::uint16_t(what), heap, 0, 512))) ==
              "procedure_refused");
    }
}

TEST_CASE("nbd: what is no NBD, out of order or out of bounds is refused") {
    const auto first = [](message m) { return run({std::move(m)}).reason; };
    CHECK(first(server("HTTP/1.1 200 OK\r\n\r\n")) == "not_canonical");
    CHECK(first(client(u32(4))) == "forbidden_value");
    CHECK(run({server(greeting()), client(client_flags()), client("GET / HTTP/1.1\r\n")}).reason ==
          "not_canonical");
    CHECK(first(server("NBDMAGICIHAVEOPT" + u16(0))) == "forbidden_value");
    CHECK(first(server("NBDMAGICIHAVEOPT" + u16(7))) == "forbidden_value");
    CHECK(after_handshake(client(std::string(28, 'x'))) == "not_canonical");
    CHECK(after_handshake(client(request(1, heap, 0, (32u << 20) + 1))) == "too_large");
    CHECK(after_handshake(client(request(6, heap, 1ull << 63, 1))) == "forbidden_value");
    CHECK(after_handshake(client(request(3, heap, 0, 0, 0x20))) == "forbidden_value");
    CHECK(after_handshake(server(simple_reply(3))) == "unasked_reply");
    CHECK(after_handshake(server(chunk(~0ull, 0))) == "unasked_reply");
    CHECK(after_handshake(server(std::string(16, 'x'))) == "not_canonical");
    auto over = mirror();
    over.push_back(client(request(3, heap, 0, 0)));
    CHECK(run(over).reason == "wrong_order");
    auto early = handshake();
    early.resize(3);
    early.push_back(client(option(7, go("a"))));
    CHECK(run(early).reason == "wrong_order");
    early.resize(3);
    early.push_back(server(option_reply(7, 1)));
    CHECK(run(early).reason == "unasked_reply");
}

TEST_CASE("nbd: options say nothing that QEMU would not") {
    const auto says = [](message m) {
        auto all = handshake();
        all.resize(4);
        all.push_back(std::move(m));
        return run(all).reason;
    };
    CHECK(says(client(option(7, go("/srv/secret")))) == "forbidden_value");
    CHECK(says(client(option(7, go("")))) == "forbidden_value");
    CHECK(says(client(option(7, u32(99) + "ab"))) == "not_canonical");
    CHECK(says(client(option(7, u32(1) + "a" + u16(2) + u16(0)))) == "not_canonical");
    CHECK(says(client(option(7, std::string(5000, 'x')))) == "too_large");
    CHECK(says(client(option(10, meta_context("a", "qemu:dirty-bitmap:b")))) == "forbidden_value");
    CHECK(says(client(option(8, "x"))) == "not_canonical");
    const auto answer = [](std::uint32_t what, const std::string& payload) {
        auto all = handshake();
        all.resize(8);
        all.push_back(server(option_reply(7, what, payload)));
        return run(all).reason;
    };
    CHECK(answer(3, u16(2) + "a description") == "forbidden_value");
    CHECK(answer(2, "server") == "forbidden_value");
    CHECK(answer(1, "x") == "forbidden_value");
    CHECK(answer(3, std::string(5000, 'x')) == "too_large");
}

TEST_CASE("nbd: open requests are bounded") {
    auto all = handshake();
    for (std::size_t n = 0; n < caravan::gate::nbd::open_requests_max; ++n)
        all.push_back(client(request(3, heap + n, 0, 0)));
    CHECK(run(all).reason.empty());
    all.push_back(client(request(3, heap, 0, 0)));
    CHECK(run(all).reason == "too_large");
}

TEST_CASE("nbd: a reply before structured ones were agreed on, or of another command's type") {
    auto plain = handshake();
    plain.erase(plain.begin() + 2, plain.begin() + 4);
    plain.push_back(client(request(3, heap, 0, 0)));
    plain.push_back(server(chunk(heap, 0)));
    CHECK(run(plain).reason == "not_canonical");
    auto other = handshake();
    other.push_back(client(request(3, heap, 0, 0)));
    other.push_back(server(chunk(heap, 5, u32(0) + u32(1) + u32(0))));
    CHECK(run(other).reason == "forbidden_value");
}

TEST_CASE("nbd: mutated talks never break a promise") {
    const auto whole = talk_of(mirror());
    std::mt19937 dice(7);
    unsigned refused = 0;
    for (int n = 0; n < 20000; ++n) {
        std::string bytes = whole;
        for (auto times = 1 + dice() % 4; times > 0; --times) {
            const auto at =
                dice() % std::min<std::size_t>(bytes.size(), dice() % 2 ? 600 : bytes.size());
            if (dice() % 8 == 0)
                bytes.erase(at, 1 + dice() % 30);
            else
                bytes[at] = static_cast<char>(dice() % 3 ? dice() : 1 << dice() % 8);
        }
        const auto seen = judge_nbd(bytes);
        REQUIRE(seen.broken == "");
        refused += seen.refused;
    }
    CHECK(refused > 5000);
}
