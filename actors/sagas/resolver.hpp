// resolver: what to do with a copy whose outcome nobody told us. The own record comes first, then the
// world. One table over everything that can be seen; a test walks all of it.
//
// Before the release is on record an abort is always safe: the destination resumes on the record and
// on nothing else. So the only question is whether the copy can still be saved.
#pragma once

#include <array>
#include <string_view>

#include "events/ids.hpp"

namespace caravan::saga {

// The source's copy, as its own agent sees it.
enum class source_world : std::uint8_t { running, running_with_job, paused, paused_with_job, off, unseen };
inline constexpr std::array<std::string_view, 6> source_world_names = {
    "running", "running_with_job", "paused", "paused_with_job", "off", "unseen"};
constexpr const auto& names_of(source_world) noexcept { return source_world_names; }

// The destination's copy, as far as it told us (its gate's word that it is whole, or its answer).
enum class destination_word : std::uint8_t { unseen, nothing, whole };
inline constexpr std::array<std::string_view, 3> destination_word_names = {"unseen", "nothing", "whole"};
constexpr const auto& names_of(destination_word) noexcept { return destination_word_names; }

enum class verdict : std::uint8_t {
    follow,   // a job still runs: wait for it, its deadline stands
    release,  // whole over there, and not running here: prove the source off, then release
    abort,    // keep the VM here
    wait,     // nothing can be seen: look again, the deadline stands
};
inline constexpr std::array<std::string_view, 4> verdict_names = {"follow", "release", "abort", "wait"};
constexpr const auto& names_of(verdict) noexcept { return verdict_names; }

constexpr verdict resolve(source_world here, destination_word there) {
    const bool whole = there == destination_word::whole;
    switch (here) {
        case source_world::running: return verdict::abort;  // it never stopped, or resumed itself
        case source_world::running_with_job: return verdict::follow;
        case source_world::paused: return whole ? verdict::release : verdict::abort;
        case source_world::paused_with_job: return whole ? verdict::release : verdict::follow;
        case source_world::off:  // the only whole copy may be over there: no word is not a no
            if (there == destination_word::unseen) return verdict::wait;
            return whole ? verdict::release : verdict::abort;
        case source_world::unseen: return verdict::wait;
    }
    return verdict::wait;
}

}  // namespace caravan::saga
