#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

#include "tests/contract/hypervisor/libvirt_world.hpp"
#include "tests/contract/hypervisor/suite.hpp"

using namespace caravan;
using namespace caravan::contract;

namespace {

std::unique_ptr<libvirt_lab> lab() {
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

// libvirt makes whoever asks wait for 30 s behind a question that QEMU does not answer.
TEST_CASE("a guest that hangs hides no other", "[libvirt]") {
    if (!wanted("hangs")) return;
    const auto w = lab();
    w->boot("vm1");
    w->boot("vm2");
    w->hang(side::source, "vm1");
    REQUIRE(w->heard(side::source).await([&] { return see(*w, side::source, "vm1").held; }));
    const auto began = std::chrono::steady_clock::now();
    const auto hung = see(*w, side::source, "vm1"), other = see(*w, side::source, "vm2");
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
    CHECK(hung.state == port::run_state::running);
    CHECK_FALSE(hung.vm.disks.empty());
    CHECK(other.state == port::run_state::running);
    CHECK_FALSE(other.held);
    job about;
    about.id = migration_id("01JD0000000000000000000001");
    about.vm = hung.vm;
    const auto asked = w->at(side::source).start_copy(about);
    REQUIRE_FALSE(asked);
    CHECK(asked.error().kind == certainty::unknown);
    CHECK(asked.error().reason == "guest_does_not_answer");
}

TEST_CASE("what its owner shut down after it arrived stays off", "[libvirt]") {
    if (!wanted("shut down")) return;
    const auto w = lab();
    const auto moved = arrives(*w);
    w->shut_down(side::destination, moved.vm.name.text);
    REQUIRE(w->at(side::destination).resume(moved));  // said once more
    CHECK(see(*w, side::destination, moved.vm.name.text).state == port::run_state::off);
}

TEST_CASE("the hypervisor contract on libvirt", "[libvirt]") {
    for (const auto& check : hypervisor_contract)
        if (wanted(check.name)) DYNAMIC_SECTION(check.name) { check.run(*lab()); }
}

TEST_CASE("libvirt follows the table by which hosts are simulated", "[libvirt]") {
    for (const auto& check : fault_checks())
        if (wanted(check.name)) DYNAMIC_SECTION(check.name) { becomes_what_the_table_says(*lab(), check.row); }
}
