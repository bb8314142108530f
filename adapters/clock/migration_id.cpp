#include "adapters/clock/migration_id.hpp"

#include <array>
#include <cassert>

namespace caravan::adapter {

std::string new_ulid(instant now, std::string_view random) {
    assert(random.size() == 10);
    std::array<std::uint8_t, 16> bits{};
    const auto since = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
    const auto ms = static_cast<std::uint64_t>(since.count());
    for (std::size_t i = 0; i < 6; ++i) bits[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    for (std::size_t i = 0; i < 10; ++i) bits[6 + i] = static_cast<std::uint8_t>(random[i]);

    // 26 characters hold 130 bits: the first has two zero bits before the 128.
    constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    std::string out;
    for (std::size_t i = 0; i < 26; ++i) {
        unsigned digit = 0;
        for (std::size_t b = 0; b < 5; ++b) {
            const std::size_t at = i * 5 + b;
            const bool set = at >= 2 && (bits[(at - 2) / 8] >> (7 - (at - 2) % 8) & 1);
            digit = digit << 1 | static_cast<unsigned>(set);
        }
        out += alphabet[digit];
    }
    return out;
}

migration_id new_migration_id(instant now, std::string_view random) {
    return migration_id{new_ulid(now, random)};
}

}  // namespace caravan::adapter
