// audit: what a controller answers about its own history while it runs.
#pragma once

#include <optional>
#include <string>

#include "actors/ports/journal.hpp"

namespace caravan::runtime {

// The whole chain walked from its first link: {"verified","entries","position","head", and, where it
// breaks, "bad_position","detail"}.
result<std::string> audit_of(const port::journal&);

// One entry with its place in the chain; nothing if there is no such position.
std::optional<std::string> audited_entry(const port::journal&, position);

}  // namespace caravan::runtime
