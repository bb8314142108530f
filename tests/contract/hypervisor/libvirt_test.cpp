#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/contract/hypervisor/libvirt_world.hpp"
#include "tests/contract/hypervisor/suite.hpp"

using namespace caravan::contract;

TEST_CASE("the hypervisor contract on libvirt", "[libvirt]") {
    const char* script = std::getenv("CARAVAN_LIBVIRT_LAB");
    const char* emulator = std::getenv("CARAVAN_LIBVIRT_EMULATOR");
    if (!script || !emulator) {
        FAIL("CARAVAN_LIBVIRT_LAB names no lab: run tests/lab/contract.sh");
    }
    const char* only = std::getenv("CARAVAN_LIBVIRT_ONLY");  // a part of a check's name
    for (const auto& check : hypervisor_contract) {
        if (only && std::string(check.name).find(only) == std::string::npos) continue;
        DYNAMIC_SECTION(check.name) {
            check.run(*make_libvirt_world(script, emulator));
        }
    }
}
