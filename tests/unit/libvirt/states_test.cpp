#include <catch2/catch.hpp>

#include "adapters/libvirt/copy.hpp"
#include "adapters/libvirt/looking.hpp"

using namespace caravan;
using namespace caravan::libvirt;
using port::run_state;

namespace {

domain_state state(int s, int reason = 0, int job = VIR_DOMAIN_JOB_NONE, int operation = 0) {
    return {s, reason, job, operation, true};
}
const auto incoming = VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
const auto outgoing = VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
const auto active = VIR_DOMAIN_JOB_UNBOUNDED;

const std::optional<result<void>> success = result<void>();
std::optional<result<void>> failed(certainty kind) {
    return result<void>(tl::unexpected(failure{kind, "why", "detail"}));
}
std::string told(const result<void>& r) {
    if (r) return "ok";
    return std::array{"transient ", "permanent ", "unknown "}[static_cast<int>(r.error().kind)] +
           r.error().reason;
}

}  // namespace

TEST_CASE("libvirt's states in the port's words") {
    CHECK(run_state_of(state(VIR_DOMAIN_RUNNING)) == run_state::running);
    CHECK(run_state_of(state(VIR_DOMAIN_SHUTOFF)) == run_state::off);
    CHECK(run_state_of(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER)) == run_state::paused);
    CHECK(run_state_of(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR)) == run_state::stuck);
    CHECK(run_state_of(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED)) ==
          run_state::stuck);
    for (int reason :
         {VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_PAUSED_STARTING_UP, VIR_DOMAIN_PAUSED_USER}) {
        CHECK(run_state_of(state(VIR_DOMAIN_PAUSED, reason, active, incoming)) ==
              run_state::arriving);
        CHECK(run_state_of(state(VIR_DOMAIN_PAUSED, reason, active, outgoing)) ==
              run_state::paused);
    }
}

TEST_CASE("only a defined copy that waits for nothing is whole") {
    auto copy = state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    CHECK(copy.whole());
    copy.persistent = false;
    CHECK_FALSE(copy.whole());
    CHECK_FALSE(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, active, incoming).whole());
    CHECK_FALSE(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION).whole());
    CHECK_FALSE(state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR).whole());
    CHECK_FALSE(state(VIR_DOMAIN_RUNNING).whole());
    CHECK_FALSE(state(VIR_DOMAIN_SHUTOFF).whole());
}

TEST_CASE("what the end of a copy means") {
    const auto off = state(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED);
    const auto killed = state(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED);
    const auto paused = state(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    const auto running = state(VIR_DOMAIN_RUNNING);
    const auto copying = state(VIR_DOMAIN_RUNNING, 0, active, outgoing);
    struct row {
        std::optional<result<void>> said;
        std::optional<domain_state> seen;
        const char* end;
    };
    const row rows[] = {
        {success, off, "ok"},
        {success, killed, "ok"},
        {success, paused, "ok"},
        {success, running, "unknown copy_unknown"},
        {success, std::nullopt, "unknown copy_unknown"},
        {std::nullopt, off, "ok"},
        {std::nullopt, killed, "unknown copy_unknown"},
        {std::nullopt, paused, "unknown copy_unknown"},
        {std::nullopt, running, "transient copy_failed"},
        {failed(certainty::transient), running, "transient why"},
        {failed(certainty::permanent), running, "permanent why"},
        {failed(certainty::unknown), running, "transient why"},
        {failed(certainty::unknown), copying, "unknown copy_unknown"},
        {failed(certainty::transient), paused, "unknown copy_unknown"},
        {failed(certainty::transient), killed, "unknown copy_unknown"},
        {failed(certainty::unknown), off, "ok"},
        {failed(certainty::unknown), std::nullopt, "unknown copy_unknown"},
    };
    for (const auto& r : rows) {
        INFO(&r - rows);
        CHECK(told(ending_of(r.said, r.seen)) == r.end);
    }
}
