#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/contract/hypervisor/libvirt_world.hpp"
#include "tests/contract/hypervisor/suite.hpp"

using namespace caravan::contract;

namespace {

std::unique_ptr<world_of_processes> lab() {
    const char* script = std::getenv("CARAVAN_LIBVIRT_LAB");
    const char* emulator = std::getenv("CARAVAN_LIBVIRT_EMULATOR");
    if (!script || !emulator) FAIL("CARAVAN_LIBVIRT_LAB names no lab: run tests/lab/contract.sh");
    return make_libvirt_world(script, emulator);
}
bool wanted(const std::string& name) {
    const char* only = std::getenv("CARAVAN_LIBVIRT_ONLY");  // a part of a check's name
    return !only || name.find(only) != name.npos;
}

}  // namespace

TEST_CASE("the hypervisor contract on libvirt", "[libvirt]") {
    for (const auto& check : hypervisor_contract)
        if (wanted(check.name)) DYNAMIC_SECTION(check.name) { check.run(*lab()); }
}

TEST_CASE("libvirt follows the table by which hosts are simulated", "[libvirt]") {
    for (const auto& check : fault_checks())
        if (wanted(check.name)) DYNAMIC_SECTION(check.name) { becomes_what_the_table_says(*lab(), check.row); }
}
