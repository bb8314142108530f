// opening: what a configuration names is opened as its process will open it, by the same calls, so that
// what is wrong with it is heard before the process starts. Nothing is made or changed.
#pragma once

#include <string>
#include <vector>

#include "ops/caravan/schema.hpp"

namespace caravan::ops {

// One line a mistake, "F:3:5: tls.key: key file … chmod 600 …". `process`: "controller" "agent" "proxy".
std::vector<std::string> cannot_open(const section&, const std::string& process);

}  // namespace caravan::ops
