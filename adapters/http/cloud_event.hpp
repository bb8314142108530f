// cloud_event: the forms in which CloudEvents 1.0 come over HTTP, brought to one: the structured JSON
// text of a single event. Whether its content makes sense is the desk's to say.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/result.hpp"

namespace caravan::http {

// Binary mode: attributes from "ce-NAME" headers (names in lower case, values percent-encoded), data
// from the body, which must be JSON. Permanent "malformed" or "unsupported_media_type".
using header = std::pair<std::string, std::string>;
result<std::string> from_binary(const std::vector<header>& headers, std::string_view content_type,
                                std::string_view body);

// A JSON array of events, taken apart. Permanent "malformed" or "batch_too_long".
result<std::vector<std::string>> from_batch(std::string_view body, std::size_t events_max);

// The receipt's "status", "reason" and "detail", as a caller who sent one event is told by HTTP:
// accepted 202, duplicate 200, refused 409 (404 where nothing is of that name), malformed 400.
int http_status(std::string_view receipt);

}  // namespace caravan::http
