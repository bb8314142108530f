#include "adapters/clock/system_clock.hpp"

#include <sys/random.h>

#include <cassert>

namespace caravan::adapter {

instant system_clock::now() const noexcept {
    return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
}

std::string random_bytes(std::size_t count) {
    assert(count <= 256);  // up to here getrandom is neither short nor interrupted (getrandom(2))
    std::string out(count, '\0');
    while (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {
    }
    return out;
}

}  // namespace caravan::adapter
