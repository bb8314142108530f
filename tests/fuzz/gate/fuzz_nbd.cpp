// The fuzzer's door to the disk's gate. Corpus: nbd_fuzzer makes its own from nothing; a mirror's
// talk is in tests/unit/gate/nbd.cpp.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/unit/gate/nbd_scene.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto seen = scene::nbd::judge_nbd({reinterpret_cast<const char*>(data), size});
    if (seen.broken.empty()) return 0;
    std::fprintf(stderr, "broken promise: %s\n", seen.broken.c_str());
    std::abort();
}
