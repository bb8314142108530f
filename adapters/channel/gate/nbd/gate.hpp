// nbd::gate: judges one nbd stream: the source's QEMU (client) mirrors a disk into the
// destination's (server). One stands at each cloud's proxy, one per nbd stream, as the RPC gate
// does for ctl.
//
// Pure, in place: nothing is copied and no message changes its length, so data goes through
// untouched at the price of reading its header. Not for two threads at once.
//
// QEMU numbers its requests with pointers into its heap; they cross as small numbers and come back
// as they were. Texts of errors become blanks. Default deny: only the options and commands by which
// QEMU mirrors a disk, in order; no READ: a destination's base image is not for whoever can name
// its digest. Wire format: the NBD protocol's doc/proto.md, fixed newstyle, simple and structured
// replies.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "adapters/channel/gate/gate.hpp"

namespace caravan::gate::nbd {

inline constexpr std::size_t open_requests_max = 64;  // QEMU 7.2 has at most 16 (MAX_NBD_REQUESTS)
inline constexpr std::size_t whole_max = 4096;        // bytes of a message that is judged whole
inline constexpr std::uint32_t data_max = 32u << 20;  // bytes of one write, QEMU's own limit

class gate {
  public:
    // Judges what has come that way. The bytes at the front that may go on are counted; the others,
    // fewer than whole_max, are to be presented again in front of what comes next. After a refusal
    // nothing more goes on.
    std::size_t take(direction, std::span<char> bytes);

    // Reasons as gate::refusal has them: too_large, not_canonical, wrong_order, procedure_refused,
    // unasked_reply, forbidden_value.
    const std::optional<refusal>& refused() const noexcept { return refused_; }

  private:
    enum class stage : std::uint8_t { greeting, options, transmission, over };
    struct request {
        bool open = false;
        std::uint16_t command = 0;
        std::uint64_t handle = 0;  // as the client has it
    };

    // Each judges the message at the front: its size, or 0 if it is not all there.
    std::size_t call(std::span<char> bytes);
    std::size_t reply(std::span<char> bytes);
    std::size_t option(std::span<char> bytes);
    std::size_t option_reply(std::span<char> bytes);
    std::size_t command(std::span<char> bytes);
    std::size_t simple_reply(std::span<char> bytes);
    std::size_t chunk(std::span<char> bytes);

    std::uint64_t number(std::uint16_t command, std::uint64_t handle);  // of a request that opens
    request& asked(std::span<char> bytes,
                   std::size_t at);  // by the number there, which is put back

    stage client_ = stage::greeting, server_ = stage::greeting;
    std::optional<std::uint32_t> asked_option_;  // one at a time
    bool structured_ = false;
    std::array<request, open_requests_max> requests_;
    std::array<std::uint64_t, 2>
        passing_{};  // by direction: data still to come, which nobody reads
    std::optional<refusal> refused_;
};

}  // namespace caravan::gate::nbd
