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

// Without faults, until its step is this one; false if it ends before.
bool comes_to(federation& f, op what) {
    f.luck.faults = false;
    while (f.time.step()) {
        if (migration::over(f.saga())) return false;
        if (f.saga().now == migration::phase::forward && f.saga().step == saga::index_of(what)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("a copy whose channel died is tried again over a new one, onto storage made anew") {
    std::size_t tried_again = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        federation f(seed);
        f.migrate();
        if (!comes_to(f, op::start_copy)) continue;
        while (!f.outside.here.job && f.time.step()) {}
        const auto before = f.vm_at(f.source()).run_right;
        f.outside.lose_channel(seed % 2);
        f.run();
        INFO("seed " << seed);
        CHECK(f.violation == "");
        if (f.saga().now != migration::phase::done) continue;  // aborted, or too late
        ++tried_again;
        CHECK(f.saga().round == 1);
        CHECK(wrong_at_end(f, before) == "");
    }
    CHECK(tried_again > 5);
}

TEST_CASE("a destination that is lost after the release: its VM is taken back, and runs nowhere else") {
    std::size_t taken_back = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        federation f(seed);
        f.migrate();
        const auto before = f.vm_at(f.source()).run_right;
        if (comes_to(f, op::start_copy)) CHECK(f.reclaim(true).error().reason == "not_released");
        if (!comes_to(f, op::resume_vm) || f.outside.there.guest == copy::running) continue;
        ++taken_back;
        INFO("seed " << seed);
        f.outside.there.guest = copy::off;  // its host lost power
        const auto refused = f.reclaim(false);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().reason == "not_fenced");
        f.luck.faults = true;
        REQUIRE(f.reclaim(true));
        f.run();
        REQUIRE(f.violation == "");
        CHECK(f.saga().now == migration::phase::undone);
        CHECK(f.saga().reason == "reclaimed");
        const auto& out = f.outside;
        CHECK(out.here.guest == copy::running);
        CHECK(out.there.guest == copy::absent);
        const bool left = out.there.staged || out.there.port || out.here.relay || out.there.relay;
        CHECK_FALSE(left);
        CHECK(f.vm_at(f.source()).now == vm::phase::stopped);  // until its agent sees it run
        CHECK(f.vm_at(f.source()).run_right == before.next().next());
        CHECK(f.vm_at(f.destination()).now == vm::phase::absent);
        CHECK(f.vm_at(f.destination()).run_right == before.next().next());
        CHECK(f.visiting()->now == visit::phase::freed);
        CHECK(f.destination().hosts.at("host/box").kept.empty());
        CHECK(f.reclaim(true).error().reason == "already_ended");
    }
    CHECK(taken_back > 10);
}

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
