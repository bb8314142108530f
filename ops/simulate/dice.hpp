// dice: all chance of a simulation, from one seed. Integers only, so that every machine throws alike.
#pragma once

#include <cstdint>
#include <string>

#include "events/ids.hpp"

namespace caravan::simulate {

class dice {
  public:
    explicit dice(std::uint64_t seed) : state_(seed) {}

    // SplitMix64 (Steele, Lea, Flood 2014).
    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    // 0 … count - 1; count > 0. The bias is of no account here.
    std::uint64_t below(std::uint64_t count) noexcept {
        return count >> 32 ? next() % count : ((next() >> 32) * count) >> 32;
    }
    bool chance(std::uint64_t in_a_thousand) noexcept { return below(1000) < in_a_thousand; }
    duration between(duration least, duration most) noexcept {
        const auto span = static_cast<std::uint64_t>((most - least).count());
        return least + duration(static_cast<duration::rep>(below(span + 1)));
    }
    std::string bytes(std::size_t size) {
        std::string all;
        while (all.size() < size) all.push_back(static_cast<char>(next() >> 56));
        return all;
    }
    // Others' dice, so that what they throw changes nothing here.
    dice fork() noexcept { return dice(next()); }

  private:
    std::uint64_t state_;
};

}  // namespace caravan::simulate
