// The kinds of actors a controller has; each is defined in its own folder's actor.cpp.
#pragma once

#include <caf/fwd.hpp>

#include "events/ids.hpp"

namespace caravan::runtime {

class shell;

caf::actor spawn_vm(shell&, const stream_id&);
caf::actor spawn_host(shell&, const stream_id&);
caf::actor spawn_proxy(shell&, const stream_id&);
caf::actor spawn_cloud(shell&, const stream_id&);
caf::actor spawn_van(shell&, const stream_id&);
caf::actor spawn_migration(shell&, const stream_id&);
caf::actor spawn_visit(shell&, const stream_id&);
caf::actor spawn_care(shell&, const stream_id&);

}  // namespace caravan::runtime
