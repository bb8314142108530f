// libvirt's errors as failures: which of them mean "it did not happen", and which leave it open.
// Source: virErrorNumber, libvirt/virterror.h.
#pragma once

#include <string>

#include "events/result.hpp"

namespace caravan::libvirt {

// `code` as virErrorNumber; `text` is libvirt's and stays inside. A code that is not in the table:
// unknown "hypervisor_error".
failure failure_of(int code, std::string text);

// This thread's last libvirt error. `doing` comes first in the detail.
tl::unexpected<failure> last_failure(const std::string& doing);

// libvirtd was lost while a call was in flight, or cannot be reached at all.
bool lost_connection(const failure&) noexcept;

}  // namespace caravan::libvirt
