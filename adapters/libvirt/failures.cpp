#include "adapters/libvirt/failures.hpp"

#include <libvirt/virterror.h>

#include <algorithm>

namespace caravan::libvirt {
namespace {

struct row {
    int code;
    certainty kind;
    const char* reason;
};

using enum certainty;

constexpr row rows[] = {
    {VIR_ERR_NO_DOMAIN, permanent, "no_such_vm"},
    {VIR_ERR_OPERATION_INVALID, transient, "wrong_state"},
    {VIR_ERR_OPERATION_ABORTED, transient, "aborted"},
    {VIR_ERR_MIGRATE_FINISH_OK, transient, "aborted"},
    {VIR_ERR_RESOURCE_BUSY, transient, "busy"},
    {VIR_ERR_NO_CONNECT, transient, "hypervisor_unreachable"},
    {VIR_ERR_CONFIG_UNSUPPORTED, permanent, "abi_mismatch"},  // "Target X does not match source Y"
    {VIR_ERR_CPU_INCOMPATIBLE, permanent, "cpu_incompatible"},
    {VIR_ERR_XML_ERROR, permanent, "bad_xml"},
    {VIR_ERR_XML_DETAIL, permanent, "bad_xml"},
    {VIR_ERR_XML_INVALID_SCHEMA, permanent, "bad_xml"},
    {VIR_ERR_ACCESS_DENIED, permanent, "access_denied"},  // the gates answer with this one
    {VIR_ERR_OPERATION_DENIED, permanent, "access_denied"},
    {VIR_ERR_AUTH_FAILED, permanent, "access_denied"},
    {VIR_ERR_DOM_EXIST, permanent, "vm_exists"},
    {VIR_ERR_STORAGE_VOL_EXIST, permanent, "image_exists"},
    {VIR_ERR_NO_STORAGE_POOL, permanent, "no_pool"},
    {VIR_ERR_MIGRATE_UNSAFE, permanent, "unsafe"},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, permanent, "unsupported"},
    {VIR_ERR_OPERATION_UNSUPPORTED, permanent, "unsupported"},
    {VIR_ERR_NO_SUPPORT, permanent, "unsupported"},
    {VIR_ERR_INVALID_ARG, permanent, "unsupported"},
    // May have happened: a monitor or a peer that answered nothing, a connection that broke.
    {VIR_ERR_OPERATION_FAILED, unknown, "operation_failed"},
    {VIR_ERR_OPERATION_TIMEOUT, unknown, "timeout"},
    {VIR_ERR_MIGRATE_PERSIST_FAILED, unknown, "persist_failed"},
    {VIR_ERR_INTERNAL_ERROR, unknown, "hypervisor_error"},
    {VIR_ERR_RPC, unknown, "hypervisor_lost"},
    {VIR_ERR_SYSTEM_ERROR, unknown, "hypervisor_lost"},
    {VIR_ERR_INVALID_CONN, unknown, "hypervisor_lost"},
};

}  // namespace

failure failure_of(int code, std::string text) {
    const auto* found = std::ranges::find(rows, code, &row::code);
    text += " (" + std::to_string(code) + ")";
    if (found == std::end(rows)) return {unknown, "hypervisor_error", std::move(text)};
    return {found->kind, found->reason, std::move(text)};
}

tl::unexpected<failure> last_failure(const std::string& doing) {
    const auto* error = virGetLastError();
    const char* text = error && error->message ? error->message : "no text";
    return tl::unexpected(
        failure_of(error ? error->code : VIR_ERR_INTERNAL_ERROR, doing + ": " + text));
}

bool lost_connection(const failure& f) noexcept {
    return f.reason == "hypervisor_lost" || f.reason == "hypervisor_unreachable";
}

}  // namespace caravan::libvirt
