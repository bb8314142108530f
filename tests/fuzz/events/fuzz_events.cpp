// libFuzzer's entry: any bytes as an event. The unit test runs the same judge over seeded mutations.
#include <cstdlib>

#include "tests/fuzz/events/judge.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (!caravan::test::judge(std::string(reinterpret_cast<const char*>(data), size)).empty()) std::abort();
    return 0;
}
