#include "adapters/van/names.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "adapters/van/endpoint.hpp"

using namespace caravan;
using namespace caravan::van;

TEST_CASE("a tap's name is settled, fits the kernel, and differs by job and nic") {
    // printf '01JABCDEFGHJKMNPQRSTVWXYZ0:0' | sha256sum
    REQUIRE(tap_name(migration_id{"01JABCDEFGHJKMNPQRSTVWXYZ0"}, 0) == "cvtd535dd877b5");
    std::set<std::string> names;
    for (const char* id : {"01JABCDEFGHJKMNPQRSTVWXYZ0", "01JABCDEFGHJKMNPQRSTVWXYZ1"})
        for (std::size_t nic = 0; nic < 12; ++nic) names.insert(tap_name(migration_id{id}, nic));
    REQUIRE(names.size() == 24);
    for (const auto& name : names) REQUIRE(name.size() == 14);
}

TEST_CASE("a VAN's name either fits its devices or is refused") {
    REQUIRE(bridge_name(van_name{"blue"}) == "cv-blue");
    REQUIRE(fits_devices(van_name{"12345678901"}));
    REQUIRE_FALSE(fits_devices(van_name{"123456789012"}));
    REQUIRE_FALSE(fits_devices(van_name{""}));
    REQUIRE_FALSE(fits_devices(van_name{"../etc"}));
}

TEST_CASE("endpoints are read strictly and printed as they are written") {
    for (const char* text : {"10.1.0.1:4789", "[fd00::11]:4790", "198.51.100.1:1"})
        REQUIRE(to_text(*parse_endpoint(text)) == text);
    for (const char* text : {"", ":1", "10.1.0.1", "10.1.0.1:", "10.1.0.1:0", "10.1.0.1:65536",
                             "10.1.0.1:1x", "fd00::11:4790", "name:1", "10.1.0:1"})
        REQUIRE(parse_endpoint(text).error().reason == "bad_address");
    REQUIRE(parse_address("10.1.0.1", 1)->v4());
    REQUIRE_FALSE(parse_address("fd00::1", 1)->v4());
}
