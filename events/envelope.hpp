// envelope: a fact as an event, CloudEvents 1.0 with Caravan's extension attributes, one JSON line.
// The shared bytes are what is hashed, journaled, replicated, streamed and printed; the inside fields
// are bytes of their own and never leave the cloud.
#pragma once

#include <string>

#include "events/fact.hpp"
#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan {

struct event {
    position at;
    stream_id stream;
    version v;
    cloud_name source;
    instant time{};
    position causation;     // of the event that led to this one; 0: none
    std::string saga;       // migration id, if it belongs to one
    cloud_name audience;    // the peer that is told; empty: nobody; "*": every peer
    std::string traceparent;
    fact what;
};

struct event_bytes {
    std::string shared, inside;  // inside is empty if the fact has no inside field
};

event_bytes encode(const event&);

// Errors as of json.hpp, with position or pointer. `inside` may be empty.
result<event> decode(std::string_view shared, std::string_view inside = {});

// The subject of a stream: "sge-1" of "vm/sge-1".
std::string_view subject_of(const stream_id&) noexcept;

}  // namespace caravan
