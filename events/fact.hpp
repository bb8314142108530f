// fact: anything that may stand in a journal; command: anything that may be wished of an aggregate.
// The names on the wire, "caravan.vm.started" with a schema version, are never renamed or reused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "events/care.hpp"
#include "events/cloud.hpp"
#include "events/host.hpp"
#include "events/json.hpp"
#include "events/migration.hpp"
#include "events/proxy.hpp"
#include "events/submission.hpp"
#include "events/van.hpp"
#include "events/vm.hpp"

namespace caravan {

using fact = std::variant<vm::fact, host::fact, proxy::fact, cloud::fact, van::fact, migration::fact,
                          visit::fact, submission::fact, care::fact>;
using command = std::variant<vm::command, host::command, proxy::command, cloud::command, van::command,
                             migration::command, visit::command, care::command>;

struct fact_type {
    std::string_view name;  // "caravan.vm.started"
    std::uint32_t schema = 1;
};

const fact_type& type_of(const fact&) noexcept;

// Of the struct inside, by describe().
std::string data_of(const fact&, part);

// Of the run-right that it speaks of, by describe(); 0: of none, or of one that is nobody else's to know.
epoch epoch_of(const fact&);

// Permanent "unknown_type" for a name that no version of Caravan had, "malformed" for bad data.
result<fact> fact_from(std::string_view type, const json_value& shared, const json_value* inside);

// One line per field of every fact type, also of what is nested: what docs/events.md is made of.
struct documented_field {
    std::string_view type;
    std::string field;  // "about[].vm.disks[].target"; empty for a type without fields
    std::string kind;   // as JSON has it: "integer", "time", "cow or disk"
    std::string_view text;
    bool inside = false;
};
std::vector<documented_field> all_fields();

}  // namespace caravan
