// A leak that everything before the tripwire lets through is still found by it.
#include "adapters/channel/gate/tripwire.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/gate/scene.hpp"

using namespace scene;

TEST_CASE("the tripwire finds a marker however it is written") {
    const tripwire wire({"Host-7.inside", "56812d26-a2be-4607-8de1-9644f3da53b5", "ab", ""});
    CHECK(wire.find("xx HOST-7.INSIDE xx") == "Host-7.inside");
    CHECK(wire.find(std::string("h\0o\0s\0t\0-\0"
                                "7\0.\0i\0n\0s\0i\0d\0e\0",
                                26)) == "Host-7.inside");
    const std::string uuid = "\x56\x81\x2d\x26\xa2\xbe\x46\x07\x8d\xe1\x96\x44\xf3\xda\x53\xb5";
    const std::string mixed = "\x26\x2d\x81\x56\xbe\xa2\x07\x46\x8d\xe1\x96\x44\xf3\xda\x53\xb5";
    CHECK(wire.find("…" + uuid + "…"));
    CHECK(wire.find(mixed));
    CHECK(wire.find("56812D26-A2BE-4607-8DE1-9644F3DA53B5"));
    CHECK_FALSE(wire.find("ab host-7 inside 56812d26"));
    CHECK_FALSE(tripwire({"not-a-uuid-but-thirty-six-characters"}).find(uuid));
}

TEST_CASE("a planted leak never leaves, from neither cloud") {
    struct leak {
        place at;
        std::int32_t procedure;
        const char* from;
        const char* to;
    };
    const auto planted = GENERATE(
        leak{place::source, 303, "name='xbzrle'", "name='a1.inside.cloud-a.example'"},
        leak{place::source, 306, "loglevel=4", "tag=AAAAAAAA-0000-4000-8000-00000000000A"},
        leak{place::destination, 303, "name='xbzrle'", "name='B1.Inside.Cloud-B.example'"});
    gate g(planted.at, policy_at(planted.at));
    const auto own = planted.at == place::source ? direction::call : direction::reply;
    std::optional<refusal> refused;
    for (said s : arriving_at(planted.at)) {
        if (s.way == own && head_of(s.frame).procedure == planted.procedure) {
            s.frame = in_cookie(planted.from, planted.to)(s);
            const auto v = g.take(s.way, s.frame);
            CHECK(v.forward.empty());
            refused = v.refused;
            break;
        }
        REQUIRE_FALSE(g.take(s.way, s.frame).refused);
    }
    REQUIRE(refused);
    CHECK(refused->reason == "inside_name");
}
