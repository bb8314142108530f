// chain: what makes a journal and a feed tamper-evident. Pure.
//
//   leaf = SHA-256( SHA-256(shared) ‖ SHA-256(salt ‖ inside) )      one event, its two halves apart
//   link = SHA-256( previous link ‖ leaf )                          the chain, zero before the
//   first
//
// So the shared half can be shown and proven without the inside half, and an inside half can be
// erased with the chain intact: an erased event keeps the digest of what was erased where its salt
// was. The salt (16 random bytes) keeps a guessed inside half from being confirmed by its digest.
// Leaves are shaped so that a Merkle tree (RFC 9162) can stand on them.
//
// A feed carries shared bytes alone: link = SHA-256( previous link ‖ SHA-256(bytes) ).
//
// Digests are 32 raw bytes in a std::string, as in journals and feeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "events/result.hpp"

namespace caravan::chain {

inline constexpr std::size_t digest_size = 32;
inline constexpr std::size_t salt_size = 16;

std::string origin();  // the link before the first: 32 zero bytes
std::string sha256(std::string_view bytes);
std::string hex(std::string_view bytes);                  // lower case
std::optional<std::string> unhex(std::string_view text);  // lower case only

// SHA-256(salt ‖ inside); or, where inside is empty and salt is a digest (32 bytes), that digest.
std::string inside_digest(std::string_view salt, std::string_view inside);
std::string leaf(std::string_view shared_digest, std::string_view inside_digest);

// The link of an event. `previous` is a link, or empty before the first.
std::string next_link(std::string_view previous, std::string_view shared, std::string_view salt,
                      std::string_view inside);
std::string next_feed_link(std::string_view previous, std::string_view bytes);

// An event as it is chained: views into an entry of a journal.
struct item {
    std::string_view shared, salt, inside, link;
};

// The index of the first item whose link does not follow, or none if all do.
std::optional<std::size_t> first_broken(std::string_view previous, std::span<const item> items);

// A record of a feed, and where its reader stands: {0, "", ""} at first.
struct feed_point {
    std::uint64_t at = 0;
    std::string_view incarnation, link;
};

// Whether `next` with `bytes` follows `seen`; else permanent "feed_gap", "feed_fork" or
// "feed_rewound" as actors/ports/feed.hpp names them. The one judge for every kind of feed.
result<void> follows(const feed_point& seen, const feed_point& next, std::string_view bytes);

}  // namespace caravan::chain
