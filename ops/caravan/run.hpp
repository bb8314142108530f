// run: the processes. Each runs until SIGTERM or SIGINT, and answers the exit code.
#pragma once

#include "ops/caravan/config.hpp"

namespace caravan::ops {

int run_controller(const controller_config&);
int run_agent(const agent_config&);
int run_proxy(const proxy_config&);

}  // namespace caravan::ops
