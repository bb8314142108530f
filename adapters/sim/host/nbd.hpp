// nbd: just enough of the NBD protocol (doc/proto.md: fixed newstyle, simple replies) to carry a disk as
// QEMU's mirror does, so that whoever judges such streams on their way finds one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "adapters/sim/host/line.hpp"
#include "events/ids.hpp"

namespace caravan::sim::nbd {

inline constexpr std::size_t write_max = 256 << 10;  // bytes of one request

// Big-endian, as everything here; and a number read so.
std::string number(std::uint64_t, std::size_t size);
std::uint64_t value(std::string_view);

// `next` fills a part of the disk that begins at `offset`, or answers false: give up.
using reader = std::function<bool(bytes offset, std::span<char>)>;
// Writes `size` bytes to the export, each answered before the next; then says goodbye.
bool send(line&, const std::string& exported, bytes size, const reader& next, const patience&);

using writer = std::function<bool(bytes offset, std::span<const char>)>;
// Serves one client: `open` is told the export's name and answers its size, or nothing: there is none.
// True if the client said goodbye.
bool serve(line&, const std::function<std::optional<bytes>(const std::string&)>& open, const writer& put,
           const patience&);

}  // namespace caravan::sim::nbd
