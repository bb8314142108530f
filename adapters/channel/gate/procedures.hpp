// procedures: the whole allow-list, as a table, and frames to and from messages.
#pragma once

#include <span>

#include "adapters/channel/gate/messages.hpp"

namespace caravan::gate {

// How far a stream has come. A stage is reached by the successful reply to the call that leads to
// it.
enum class stage : std::uint8_t { greeting, opened, prepared, finished, closed };

struct procedure {
    std::int32_t number;    // REMOTE_PROC_*
    std::string_view name;  // without REMOTE_PROC_
    stage from, until;      // stages in which it may be called
    std::optional<stage> leads_to;
    std::uint8_t times;   // at most, per stream
    message call, reply;  // blanks of their types
};

std::span<const procedure> procedures();
const procedure* find_procedure(std::int32_t number);  // null: not on the list

// The body after the header, as a message of the blank's type; refuses what is not canonical.
message decode(const message& blank, std::string_view body);
std::string encode(header, message);  // a frame; fills in the length

}  // namespace caravan::gate
