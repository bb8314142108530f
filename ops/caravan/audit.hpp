// audit: whether a journal is what was once written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::ops {

struct audit_report {
    std::uint64_t entries = 0;    // looked at
    position upto;                // the last one that holds
    std::string head;             // the link there, hex
    std::uint64_t heads = 0;      // signed heads that stand in the journal as they were signed
    std::optional<position> bad;  // the first position that does not hold
    std::string what;             // of `bad`, for a person
};

// Reads a journal file, also one of a running controller, and changes nothing. Proves positions, links
// and that signed heads stand where they were signed; signatures are for whoever holds the public key.
// Permanent "no_such_file", or what the journal says of itself.
result<audit_report> verify_journal(const std::string& path);

}  // namespace caravan::ops
