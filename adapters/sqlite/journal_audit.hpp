// What `caravan audit verify` asks of a journal: whether its history is what was once written.
// Works on any journal; on a running one too (it reads up to the end as it is met).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "actors/ports/journal.hpp"
#include "adapters/sqlite/sqlite_journal.hpp"

namespace caravan::adapter {

struct audit_report {
    port::head upto;              // the last entry that holds
    std::uint64_t entries = 0;    // looked at
    std::optional<position> bad;  // the first position that does not
    std::string what;             // of `bad`, for a person; empty if all holds
};

// Positions without a gap, and every link, after `from` (which is taken as true; 0: the whole
// journal).
result<audit_report> audit(const port::journal& journal, position from = {});

// Whether each signed head after `from` stands in the journal as it was signed. Signatures
// themselves are checked by whoever has the keys. An unreadable journal counts as bad.
audit_report judge_heads(const port::journal& journal, std::span<const signed_head> heads,
                         position from = {});

}  // namespace caravan::adapter
