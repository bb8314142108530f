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

// How a house does in this moment. No record says so, so that of the past nothing of it is known.
struct standing {
    std::optional<failure> stopped;  // the journal cannot be gone on with: nothing is written or accepted
    struct feed {
        std::uint64_t sent = 0;           // records that the peer's feed has
        std::optional<failure> hindered;  // in telling or in hearing; tried again until it goes
    };
    std::map<cloud_name, feed> feeds;
};

struct view_options {
    std::vector<std::string> step_names;
    progress_of progress;
    std::optional<standing> now;
};

// `path` is "/vms", "/vms/NAME", "/status", "/state" …; nothing if there is no such thing.
std::optional<std::string> view(const federation&, const std::string& path, const view_options&);

}  // namespace caravan::topology
