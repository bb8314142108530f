// domain: is a peer's (or our own neutral) domain XML the ticket's guest, and nothing but neutral?
//
// libvirt would run the <emulator> it names and open the files it names, so this is an allow-list
// of what a guest is made of: its own hardware, files under /caravan/, the bridge "caravan". Not in
// it, among others: graphics, hostdev, filesystem, metadata, title, seclabel, resource, sysinfo,
// TPM, pinning to host CPUs, any namespace.
#pragma once

#include <span>

#include "adapters/channel/gate/gate.hpp"
#include "adapters/channel/gate/xml.hpp"

namespace caravan::gate {

void judge_domain(pugi::xml_node domain, const ticket&);  // throws refusal

std::span<const xml::row> cpu_rows();  // what may stand in <cpu>, also in cookies

}  // namespace caravan::gate
