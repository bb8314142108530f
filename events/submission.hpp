// submission: what somebody asked of this cloud and was told "accepted" (stream "submission/SOURCE#ID",
// of exactly one event). (source, id) is the idempotency key, for ever: the journal's unique
// (stream, version) is what keeps it.
#pragma once

#include <string>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::submission {

struct accepted {
    std::string source, id, type;  // CloudEvents attributes of what was submitted
    std::string subject;
    migration_id migration;  // that it began; empty for other wishes
    std::string by;          // name of the token or certificate
};

template <class F>
void describe(F& f, accepted& x) {
    f.field("source", x.source, "CloudEvents source");
    f.field("id", x.id, "CloudEvents id");
    f.field("type", x.type, "CloudEvents type");
    f.field("subject", x.subject, "CloudEvents subject");
    f.field("migration", x.migration, "migration that it began");
    f.inside("by", x.by, "who");
}

using fact = std::variant<accepted>;

inline stream_id stream_of(const std::string& source, const std::string& id) {
    return stream_id("submission/" + source + "#" + id);
}

}  // namespace caravan::submission
