// cookie: the XML blob that the two libvirtds hand each other with Prepare and Finish
// (libvirt's src/qemu/qemu_migration_cookie.c). Rebuilt from an allow-list in both directions, at
// both gates: host name and host UUID become constants, graphics goes, the statistics' clock is
// shifted, and a <domain> is judged and, at the destination, replaced by our own.
#pragma once

#include <string>
#include <string_view>

#include "adapters/channel/gate/gate.hpp"

namespace caravan::gate {

enum class cookie_of : std::uint8_t { prepare_call, prepare_reply, finish_call, finish_reply };

inline constexpr std::string_view neutral_hostname = "-";
inline constexpr std::string_view neutral_hostuuid = "00000000-0000-0000-0000-000000000000";
// Times cross as if every gate had been made at this instant (ms since 1970): positive, and
// nobody's.
inline constexpr std::int64_t neutral_opened_ms = 1'000'000'000'000;

// `blob` ends with its NUL, before and after. `leaving`: towards the WAN rather than our libvirt.
// Throws refusal.
std::string clean_cookie(std::string_view blob, cookie_of, const policy&, bool leaving);
bool has_domain(std::string_view clean_blob);

}  // namespace caravan::gate
