// talk: what commands share in speaking with a controller: connecting, telling failures and problems
// to a person, and submitting one event of their own.
#pragma once

#include <functional>
#include <string>

#include "events/json.hpp"
#include "ops/caravan/client.hpp"
#include "ops/caravan/commands.hpp"

namespace caravan::ops {

// Runs `work` with a client; if there is none to be had, complains.
int with_client(const options&, const std::function<int(client&)>& work);

int tell(const failure&, const std::string& where);            // complains, and answers the exit code
int tell_problem(const response&, const std::string& where, const std::string& next = {});

// A CloudEvent of this command with a fresh id; `data` is a JSON object.
std::string event_of(const std::string& type, const std::string& subject, const std::string& data);
// Submits it. `accepted` gets the receipt; anything else is complained of.
int submit_event(client&, const std::string& event, const std::function<int(const json_value&)>& accepted);

}  // namespace caravan::ops
