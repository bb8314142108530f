// scrub: libvirt errors name paths, hosts and clocks. Across clouds go the code, domain and level
// (enums of virterror.h: they say what kind, not where) and a fixed text; all else stays.
#pragma once

#include "adapters/channel/gate/messages.hpp"

namespace caravan::gate {

// Replaces every text and number; answers the real ones, for the own audit log. Code 93
// (VIR_ERR_MIGRATE_FINISH_OK, an abort's normal answer) stays itself like every other code.
std::string scrub(error_reply&);

// What a refused call is answered with: VIR_ERR_ACCESS_DENIED from VIR_FROM_RPC, naming the reason.
std::string refusal_frame(header of_call, const refusal&);

}  // namespace caravan::gate
