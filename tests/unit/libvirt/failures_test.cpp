#include "adapters/libvirt/failures.hpp"

#include <libvirt/virterror.h>

#include <catch2/catch.hpp>

using namespace caravan;
using namespace caravan::libvirt;

TEST_CASE("libvirt's errors say what may be concluded") {
    struct row {
        int code;
        certainty kind;
        const char* reason;
    };
    const row rows[] = {
        {VIR_ERR_CONFIG_UNSUPPORTED, certainty::permanent, "abi_mismatch"},
        {VIR_ERR_ACCESS_DENIED, certainty::permanent, "access_denied"},
        {VIR_ERR_OPERATION_ABORTED, certainty::transient, "aborted"},
        {VIR_ERR_OPERATION_INVALID, certainty::transient, "wrong_state"},
        {VIR_ERR_NO_CONNECT, certainty::transient, "hypervisor_unreachable"},
        {VIR_ERR_RPC, certainty::unknown, "hypervisor_lost"},
        {VIR_ERR_SYSTEM_ERROR, certainty::unknown, "hypervisor_lost"},
        {VIR_ERR_OPERATION_FAILED, certainty::unknown, "operation_failed"},
        {9999, certainty::unknown, "hypervisor_error"},
    };
    for (const auto& [code, kind, reason] : rows) {
        const auto f = failure_of(code, "text");
        INFO(code);
        CHECK(f.kind == kind);
        CHECK(f.reason == reason);
        CHECK(f.detail == "text (" + std::to_string(code) + ")");
    }
}

TEST_CASE("a lost connection is told from other failures") {
    CHECK(lost_connection(failure_of(VIR_ERR_RPC, "")));
    CHECK(lost_connection(failure_of(VIR_ERR_NO_CONNECT, "")));
    CHECK_FALSE(lost_connection(failure_of(VIR_ERR_OPERATION_FAILED, "")));
}
