// The names and numbers by which everything is known. Each is a type of its own, so that a host's
// name cannot be handed where a cloud's is meant.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace caravan {

// A name: [a-z0-9][a-z0-9.-]{0,62}, checked where text enters (see valid_name), not here.
template <class Tag>
struct name {
    std::string text;
    name() = default;
    explicit name(std::string value) : text(std::move(value)) {}
    bool empty() const noexcept { return text.empty(); }
    friend auto operator<=>(const name&, const name&) = default;
};

// A number that only grows; 0 means "none yet".
template <class Tag>
struct counter {
    std::uint64_t value = 0;
    constexpr counter() = default;
    constexpr explicit counter(std::uint64_t number) : value(number) {}
    constexpr counter next() const noexcept { return counter{value + 1}; }
    friend constexpr auto operator<=>(const counter&, const counter&) = default;
};

using cloud_name = name<struct cloud_tag>;
using host_name = name<struct host_tag>;          // inside: never leaves its cloud
using proxy_name = name<struct proxy_tag>;        // inside
using vm_name = name<struct vm_tag>;              // unique in the federation
using van_name = name<struct van_tag>;
using migration_id = name<struct migration_tag>;  // a ULID: 26 characters, sorts by time
using stream_id = name<struct stream_tag>;        // "vm/sge-1": the history of one thing

using epoch = counter<struct epoch_tag>;        // of a VM's run-right: grows with each handover
using position = counter<struct position_tag>;  // in a cloud's journal: 1, 2, 3 …
using version = counter<struct version_tag>;    // of a stream: 1, 2, 3 …
using sequence = counter<struct sequence_tag>;  // in a feed: 1, 2, 3 …

using instant = std::chrono::sys_time<std::chrono::microseconds>;  // UTC, as in every event
using duration = std::chrono::microseconds;
using bytes = std::uint64_t;

bool valid_name(const std::string& text) noexcept;
// Longest name of a VAN: it names devices, 15 bytes in Linux ("cv-" and one to spare).
inline constexpr std::size_t van_name_max = 11;

}  // namespace caravan

template <class Tag>
struct std::hash<caravan::name<Tag>> {
    std::size_t operator()(const caravan::name<Tag>& id) const noexcept {
        return std::hash<std::string>{}(id.text);
    }
};
template <class Tag>
struct std::hash<caravan::counter<Tag>> {
    std::size_t operator()(caravan::counter<Tag> n) const noexcept {
        return std::hash<std::uint64_t>{}(n.value);
    }
};
