// preface: the first bytes of a stream on each hop, and the answer to them.
//
//   preface  "crvn" | version 1 | kind | u16 length | u8 n, id | u16 n, ticket body | u8 n,
//   signature answer   u8 n, the reason of a refusal; n = 0: welcome          (WAN hop only)
//
// Numbers are big-endian. The ticket is empty within a cloud.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "events/result.hpp"
#include "events/ticket.hpp"

namespace caravan::channel {

enum class lane : std::uint8_t { ctl, mem, nbd, record };  // record: proxy to proxy only
inline constexpr std::array<std::string_view, 4> lane_names = {"ctl", "mem", "nbd", "record"};

struct preface {
    lane kind = lane::ctl;
    migration_id id;
    signed_ticket ticket;
    friend bool operator==(const preface&, const preface&) = default;
};

inline constexpr std::size_t preface_head_size = 8;

// 1 … 64 letters, digits and dashes: fit for a file's name.
bool valid_migration(const migration_id&) noexcept;

// permanent "malformed": an id that is not valid, or more than 64 KiB.
result<std::string> write_preface(const preface&);
// How many bytes follow the head; permanent "malformed".
result<std::size_t> preface_length(std::string_view head);
result<preface> read_preface(std::string_view head, std::string_view body);

}  // namespace caravan::channel
