// The journal's tables, and the views for people with `sqlite3 journal.db`:
//
//   select * from events;    position, time, type, stream, version, event, inside
//   select * from streams;   each stream with its versions and where it was last written
//   select * from chain;     position and link, in hexadecimal
#pragma once

#include <cstdint>
#include <string>

#include "adapters/sqlite/database.hpp"

namespace caravan::adapter {

inline constexpr std::uint64_t application_id = 0x4352564e;  // "CRVN", as file(1) would show it
inline constexpr std::uint64_t schema_version = 1;

// Makes the tables in an empty database, or checks what is there. Permanent "journal_newer" (a
// later Caravan wrote it) and "journal_foreign" (no journal at all) say what to do.
result<void> ensure_schema(database&, const std::string& path);
// The same, and makes nothing: an empty database is "journal_foreign", too.
result<void> check_schema(const database&, const std::string& path);

}  // namespace caravan::adapter
