// Where a VM is placed, when it is worth waiting for a host that is away, and what a plan says beforehand.
#include <catch2/catch.hpp>

#include "topology/federation.hpp"
#include "topology/view.hpp"

using namespace caravan;
using namespace caravan::topology;

namespace {

const instant noon{std::chrono::hours(12)};
constexpr bytes gib = bytes{1} << 30;

migration::requested request() {
    migration::requested r;
    r.id = migration_id("m1");
    r.vm.name = vm_name("vm1");
    r.vm.memory = 4 * gib;
    r.vm.machine = "pc";
    r.vm.cpu_model = "qemu64";
    return r;
}

void tell(federation& f, const std::string& host, host::fact what, instant at) {
    event e;
    e.stream = stream_id("host/" + host);
    e.time = at;
    e.what = std::move(what);
    fold(f, e, {});
}
void add(federation& f, const std::string& host, bytes memory) {
    host::inventory has;
    has.memory = memory;
    has.machines = {"pc"};
    has.cpu_models = {"qemu64"};
    tell(f, host, host::came_online{has}, noon);
}
void lose(federation& f, const std::string& host) { tell(f, host, host::went_offline{}, noon); }

}  // namespace

TEST_CASE("of hosts that can take it the one with most memory left comes first") {
    federation f;
    add(f, "h1", 8 * gib);
    add(f, "h2", 16 * gib);
    add(f, "h3", 2 * gib);
    const auto found = place(f, request(), noon);
    CHECK(found.hosts == std::vector{host_name("h2"), host_name("h1")});
    CHECK(found.reason.empty());
}

TEST_CASE("a host that could take it is waited for, if it was lost lately") {
    federation f;
    add(f, "h1", 8 * gib);
    lose(f, "h1");
    for (const auto& [lately, soon] : {std::pair{noon, true}, {noon + duration(1), false}, {instant{}, true}}) {
        const auto found = place(f, request(), lately);
        CHECK(found.hosts.empty());
        CHECK(found.reason == "no_host_online");
        CHECK(found.soon == soon);
    }
    add(f, "h2", 2 * gib);  // here, and too small
    const auto beside = place(f, request(), noon);
    CHECK(beside.reason == "no_capacity");
    CHECK(beside.soon);
}

TEST_CASE("a host that could not take it if it were here is not waited for") {
    federation f;
    add(f, "h1", 2 * gib);
    lose(f, "h1");
    const auto found = place(f, request(), noon);
    CHECK(found.reason == "no_host_online");
    CHECK_FALSE(found.soon);
}

TEST_CASE("a plan says what stands in the way of the VM itself, as the VM would") {
    federation f;
    f.own = cloud_name("thales");
    f.peers[cloud_name("umea")];
    auto& v = f.vms[vm_name("vm1")];
    v.state = "running";
    v.spec.nics = {{"52:54:00:00:00:01", van_name("lan")}};
    v.spec.disks = {{"vda", gib, {}, 1}};
    const auto reasons = [&](copy_mode mode) {
        std::vector<std::string> all;
        for (const auto& [reason, detail] : plan_of(f, vm_name("vm1"), cloud_name("umea"), mode, 1).obstacles)
            all.push_back(reason);
        return all;
    };
    CHECK(reasons(copy_mode::cow) == std::vector<std::string>{"no_base_image"});
    CHECK(reasons(copy_mode::disk).empty());
    v.spec.nics[0].van = {};
    CHECK(reasons(copy_mode::disk) == std::vector<std::string>{"not_in_a_van"});
}

TEST_CASE("one thing is told with the position it is true at, and the own cloud is one of the clouds") {
    federation f;
    f.own = cloud_name("thales");
    f.at = position(812);
    f.peers[cloud_name("umea")];
    f.vms[vm_name("vm1")].state = "running";
    const auto told = [&](const char* path) { return view(f, path, {}).value_or("none"); };
    CHECK(told("/vms/vm1").starts_with(R"({"position":812,"name":"vm1",)"));
    CHECK(told("/vms/vm2") == "none");
    CHECK(told("/clouds/thales") == R"({"position":812,"name":"thales","own":true,"state":"ready","feed":null})");
    CHECK(told("/clouds").find(R"("name":"umea","own":false,)") != std::string::npos);
}
