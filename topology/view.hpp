// view: the federation as JSON, as people and programs read it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "events/order.hpp"
#include "topology/federation.hpp"

namespace caravan::topology {

// `progress` answers the live progress of a migration as JSON (events/order.hpp), or nothing.
using progress_of = std::function<std::string(const migration_id&)>;

struct view_options {
    std::vector<std::string> step_names;
    progress_of progress;
    std::function<std::uint64_t(const cloud_name&)> sent;  // records told to a peer
};

// `path` is "/vms", "/vms/NAME", "/status", "/state" …; nothing if there is no such thing.
std::optional<std::string> view(const federation&, const std::string& path, const view_options&);

}  // namespace caravan::topology
