// The fuzzer's door. Corpus: tests/unit/gate/data/*.frames.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/gate/judge.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto seen = scene::judge({reinterpret_cast<const char*>(data), size});
    if (seen.broken.empty()) return 0;
    std::fprintf(stderr, "broken promise: %s\n", seen.broken.c_str());
    std::abort();
}
