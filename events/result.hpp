// result: what a call to the outside world answers. A failure is told to the saga, never thrown:
// no exception crosses a folder.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace caravan {

// What the caller may conclude about the world from a failure.
enum class certainty : std::uint8_t {
    transient,  // it did not happen; asking again later may help
    permanent,  // it did not happen; asking again cannot help
    unknown,    // it may have happened: observe the world before anything else
};

struct failure {
    certainty kind = certainty::permanent;
    std::string reason;  // a stable name in snake_case, fit for other clouds: "no_capacity"
    std::string detail;  // for the own audit log only: may name hosts, paths, errno. Never leaves
    friend bool operator==(const failure&, const failure&) = default;
};

template <class T>
using result = tl::expected<T, failure>;

inline tl::unexpected<failure> transient(std::string reason, std::string detail = {}) {
    return tl::unexpected(failure{certainty::transient, std::move(reason), std::move(detail)});
}
inline tl::unexpected<failure> permanent(std::string reason, std::string detail = {}) {
    return tl::unexpected(failure{certainty::permanent, std::move(reason), std::move(detail)});
}
inline tl::unexpected<failure> unknown(std::string reason, std::string detail = {}) {
    return tl::unexpected(failure{certainty::unknown, std::move(reason), std::move(detail)});
}

}  // namespace caravan
