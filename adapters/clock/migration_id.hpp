// ULIDs (github.com/ulid/spec): 48 bits of milliseconds, then 80 random bits, as 26 characters of
// Crockford's base 32. They sort by time as text.
#pragma once

#include <string>
#include <string_view>

#include "events/ids.hpp"

namespace caravan::adapter {

// `random`: 10 bytes. Pure: the same arguments give the same id, so a simulation can draw it too.
std::string new_ulid(instant now, std::string_view random);

migration_id new_migration_id(instant now, std::string_view random);

}  // namespace caravan::adapter
