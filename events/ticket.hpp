// ticket: the destination cloud's leave to send it one VM. Signed with the destination's Ed25519 key;
// its proxies open channels for nothing else. One VM, one source cloud, a byte budget, a deadline;
// revoked by closing the job at the destination's proxy.
#pragma once

#include <string>
#include <vector>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan {

struct ticket {
    migration_id id;
    cloud_name from, to;
    vm_name vm;
    std::string vm_uuid;
    std::vector<std::string> disks;  // targets that may be copied: "vda"
    bool whole_disk = false;         // NON_SHARED_DISK rather than NON_SHARED_INC
    bytes budget = 0;                // all streams, both directions
    instant deadline{};
    friend bool operator==(const ticket&, const ticket&) = default;
};

struct signed_ticket {
    std::string body;       // the canonical JSON bytes of a ticket: these bytes are what is signed
    std::string signature;  // Ed25519 over body, lower-case hex
    friend bool operator==(const signed_ticket&, const signed_ticket&) = default;
};

template <class F>
void describe(F& f, ticket& x) {
    f.field("id", x.id, "migration");
    f.field("from", x.from, "source cloud");
    f.field("to", x.to, "destination cloud");
    f.field("vm", x.vm, "the one VM");
    f.field("vm_uuid", x.vm_uuid, "its UUID");
    f.field("disks", x.disks, "disk targets that may be copied");
    f.field("whole_disk", x.whole_disk, "whole disks rather than overlays");
    f.field("budget", x.budget, "bytes over all streams, both ways");
    f.field("deadline", x.deadline, "after which no channel opens and open ones close");
}
template <class F>
void describe(F& f, signed_ticket& x) {
    f.field("body", x.body, "canonical JSON of the ticket");
    f.field("signature", x.signature, "Ed25519, hex");
}

}  // namespace caravan
