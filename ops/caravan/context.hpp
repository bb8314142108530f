// context: which cloud a command talks to. In this order: --url, CARAVAN_URL, the context named by
// --context, the file's `current`. Token and CA likewise. ~/.config/caravan/contexts.yaml:
//
//   current: lab
//   contexts:
//     lab: {url: "https://127.0.0.1:8443", ca: /etc/caravan/ca.pem, token_file: /etc/caravan/token}
#pragma once

#include <string>

#include "events/result.hpp"
#include "ops/caravan/client.hpp"
#include "ops/caravan/print.hpp"

namespace caravan::ops {

// What stands before or after any command.
struct options {
    std::string url, token, token_file, ca, certificate, key, context;
    std::string output = "table";
    bool no_colour = false;
    form shape() const;
};

// Permanent "no_controller_named", "no_such_context", "token_unreadable", "key_exposed", "bad_config".
// A token given as an argument is warned of on stderr: others see it in ps.
result<endpoint> find_endpoint(const options&);

}  // namespace caravan::ops
