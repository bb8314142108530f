// process: what controller, agent and proxy have in common: a log on stderr, systemd's notification,
// and running until SIGTERM or SIGINT.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <memory>
#include <string>

#include "events/result.hpp"

namespace caravan::ops {

struct actor_house {
    caf::actor_system_config config;
    std::unique_ptr<caf::actor_system> system;
    actor_house();
};

// One line, time-stamped, to stderr. Never secrets; inside names may appear: it is the own log.
std::function<void(const std::string&)> log_of(const std::string& process);

int failed_to_start(const failure&);  // says what and what to do; exit status 1

// SIGTERM and SIGINT: held back from the moment this is made, which is before any thread begins.
class stop_signals {
  public:
    stop_signals();
    void wait() const;  // tells systemd (if it is there) that the process is ready; returns when asked to stop
};

}  // namespace caravan::ops
