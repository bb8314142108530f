#include <catch2/catch.hpp>

#include "adapters/clock/migration_id.hpp"
#include "adapters/clock/system_clock.hpp"

using namespace caravan;
using namespace std::chrono_literals;

TEST_CASE("an id is a ULID") {
    // The time of the ULID specification's own example, 01ARZ3NDEKTSV4RRFFQ69G5FAV.
    const instant then{1469922850259ms};
    const std::string random("\xd6\x76\x4c\x61\xef\xb9\x93\x02\xbd\x5b", 10);
    CHECK(adapter::new_migration_id(then, random).text == "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    CHECK(adapter::new_ulid(instant{}, std::string(10, '\0')) == std::string(26, '0'));
}

TEST_CASE("ids sort by time whatever was drawn") {
    const instant then{1469922850259ms};
    CHECK(adapter::new_migration_id(then, std::string(10, '\xff')) <
          adapter::new_migration_id(then + 1ms, std::string(10, '\0')));
}

TEST_CASE("randomness is not repeated, and the clock tells this century") {
    CHECK(adapter::random_bytes(16).size() == 16);
    CHECK(adapter::random_bytes(16) != adapter::random_bytes(16));
    CHECK(adapter::system_clock{}.now() > instant{1700000000s});
}
