// Thousands of migrations between two clouds where everything that may fail does.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "tests/unit/sagas/federation.hpp"

namespace {

using namespace caravan;
using test::copy;
using test::federation;

void print(const federation& f) {
    for (const auto& c : f.cells)
        for (const auto& bytes : c.journal) std::cout << bytes.shared << " " << bytes.inside << "\n";
}

// What must hold when a migration has ended at both sides, and a while has passed.
std::string wrong_at_end(const federation& f, epoch before) {
    const auto& source = f.vm_at(f.source());
    const auto there = f.destination().vms.find("vm/guest");
    const auto* visit = f.visiting();
    const auto& out = f.outside;
    if (out.here.relay || out.here.end || out.there.relay || out.there.end) return "a channel is left open";
    if (out.here.job) return "a job is left";
    for (const auto& c : f.cells)
        if (!c.hosts.at("host/box").kept.empty()) return "room is still kept";
    if (f.saga().now == migration::phase::undone) {
        if (source.now != vm::phase::running || out.here.guest != copy::running) return "undone, but not running at its source";
        if (source.run_right != before) return "undone, but with another epoch";
        if (visit && visit->now != visit::phase::freed && visit->now != visit::phase::absent) return "undone, but the visit is not freed";
        if (there != f.destination().vms.end() && there->second.now != vm::phase::absent) return "undone, but expected over there";
        if (out.there.guest != copy::absent || out.there.staged || out.there.port) return "undone, with leftovers";
        return "";
    }
    if (source.now != vm::phase::absent || out.here.guest != copy::absent) return "done, but not gone from its source";
    if (!visit || visit->now != visit::phase::settled) return "done, but the visit is not settled";
    if (there == f.destination().vms.end() || there->second.now != vm::phase::running || out.there.guest != copy::running)
        return "done, but not running over there";
    if (there->second.run_right != before.next()) return "done, but the epoch did not grow by one";
    for (const auto& c : f.cells)
        if (c.vans.at("van/net").routes.begin()->second.at != f.destination().name) return "done, but its route is not moved";
    return "";
}

}  // namespace

TEST_CASE("migrations under faults end, with one runner and nothing left") {
    const auto* wanted = std::getenv("CARAVAN_SEED");
    const std::uint64_t first = wanted ? std::strtoull(wanted, nullptr, 10) : 1;
    const auto* many = std::getenv("CARAVAN_SEEDS");
    const std::uint64_t last = wanted ? first : many ? std::strtoull(many, nullptr, 10) : 60;
    std::map<std::string, std::size_t> ends;
    std::size_t restarts = 0, commands = 0;
    for (auto seed = first; seed <= last; ++seed) {
        federation f(seed);
        for (int i = 0; i < 3; ++i) {
            f.migrate();
            const auto before = f.vm_at(f.source()).run_right;
            f.run();
            if (f.violation.empty()) f.violation = wrong_at_end(f, before);
            if (!f.violation.empty()) {
                if (wanted) print(f);
                INFO("CARAVAN_SEED=" << seed << ", migration " << i + 1);
                REQUIRE(f.violation == "");
            }
            ++ends[f.saga().now == migration::phase::done ? "done" : f.saga().refused ? "refused" : "undone: " + f.saga().reason];
        }
        restarts += f.restarts;
        commands += f.commands;
    }
    for (const auto& [end, count] : ends) std::cout << count << " " << end << "\n";
    std::cout << restarts << " restarts, " << commands << " commands\n";
    if (wanted) return;
    const auto migrations = 3 * (last - first + 1);
    CHECK(ends["done"] > migrations / 10);
    CHECK(ends["undone: aborted"] > migrations / 50);
    CHECK(ends["undone: deadline_passed"] + ends["undone: copy_lost"] > 0);
}
