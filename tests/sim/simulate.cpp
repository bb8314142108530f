// The simulator itself: equal seeds make equal runs, others make others, and whatever goes wrong, no
// promise is broken.
#include <catch2/catch.hpp>

#include <fstream>
#include <iostream>
#include <sstream>

#include "ops/simulate/sweep.hpp"

using namespace caravan;
using namespace caravan::simulate;

namespace {

request of_seed(std::uint64_t seed, std::size_t migrations = 30) {
    request r;
    r.seed = seed;
    r.migrations = migrations;
    r.shape = {3, 2, 9};
    return r;
}
request stormy(std::uint64_t seed, const std::string& kinds = "all", std::size_t migrations = 30) {
    auto r = of_seed(seed, migrations);
    r.faults = parse_kinds(kinds).kinds;
    return r;
}

}  // namespace

TEST_CASE("the same seed gives the same trace, another one another") {
    const auto one = run(of_seed(1));
    CHECK(one.digest == run(of_seed(1)).digest);
    CHECK(one.digest != run(of_seed(2)).digest);
    CHECK(one.violations.empty());
    CHECK(one.ends == std::map<std::string, std::uint64_t>{{"done", 30}});
}

TEST_CASE("where no feed is cut back, none is taken for one that was") {
    auto quiet = of_seed(1, 3);
    std::size_t lines = 0, taken = 0;
    quiet.tell = [&](const std::string& line) {
        ++lines;
        taken += line.find("was cut back or made anew") != line.npos;
    };
    CHECK(run(quiet).violations.empty());
    CHECK(lines > 0);
    CHECK(taken == 0);
}

TEST_CASE("an episode of a sweep is run again alone by its own seed") {
    sweep_request wanted;
    wanted.first.migrations = 25;
    wanted.migrations_each = 10;
    const auto all = run(wanted, {});
    CHECK(all.episodes == 3);
    CHECK(all.sum.ends.at("done") == 25);
    trace again;
    for (std::size_t i = 0; i < 3; ++i) {
        auto r = wanted.first;
        r.seed = seed_of(1, i);
        r.migrations = i < 2 ? 10 : 5;
        again.note({}, run(r).digest);
    }
    CHECK(again.digest() == all.sum.digest);
}

TEST_CASE("with all faults, too, the same seed gives the same trace") {
    const auto one = run(stormy(3));
    CHECK(one.digest == run(stormy(3)).digest);
    CHECK(one.faults.size() > 5);
}

TEST_CASE("leaving out a fault changes no other") {
    const auto all = run(stormy(4));
    auto fewer = stormy(4);
    fewer.only.emplace();
    for (const auto& f : all.struck)
        if (f.number % 2 == 0) fewer.only->insert(f.number);
    const auto half = run(fewer);
    REQUIRE_FALSE(half.struck.empty());
    for (const auto& f : half.struck) {
        CHECK(f.number % 2 == 0);
        const auto same = std::ranges::find(all.struck, f.number, &fault::number);
        if (same != all.struck.end()) CHECK(in_words(*same) == in_words(f));
    }
}

TEST_CASE("faults are named one by one, and a name that is none is told") {
    CHECK(parse_kinds("all").kinds.size() == fault_table().size());
    CHECK(parse_kinds("none").kinds.empty());
    CHECK(in_words(parse_kinds("wan-dark,end-agent").kinds) == "wan-dark,end-agent");
    CHECK(parse_kinds("wan-dark,wan-drak").unknown == "wan-drak");
    for (const auto* text : {"", ",", "abort,", ",abort"}) CHECK(parse_kinds(text).unknown == "\"\"");
    CHECK(parse_kinds("all,none").unknown == "all");
    for (std::size_t i = 0; i < fault_table().size(); ++i)
        CHECK(fault_table()[i].kind == static_cast<fault_kind>(i));
}

TEST_CASE("each kind of fault alone breaks no promise") {
    for (const auto& row : fault_table()) {
        const auto o = run(stormy(11, std::string(row.name), 40));
        INFO(row.name);
        for (const auto& v : o.violations) FAIL_CHECK(v.invariant << ": " << v.what << " " << v.vm);
        CHECK(o.faults.size() == 1);
    }
}

// Seeds that once showed a violation, by the name of what it was.
TEST_CASE("what was found once stays mended") {
    struct {
        const char *what, *faults;
        std::uint64_t seed;
        std::size_t migrations;
    } const found[] = {
        {"a duplicate was answered with another position than the first time", "resubmit", 1, 100},
        {"a full disk lost a step's result, and the saga waited for ever", "disk-full", 1, 100},
        {"room asked for by an admission that was killed came after its release", "all", 3662948367413058480u, 100},
        {"the same, with a slow disk", "all", 3184204690550732957u, 100},
        {"a VM expected by an admission that was killed, and refused by the next", "all", 7948962901291636291u, 100},
        {"an abort before anything was asked of the destination", "all", 7133478669424843560u, 100},
        {"a source that resumed itself was, meanwhile, another copy of the VM", "all", 3247937084715433404u, 100},
        {"an acquired copy whose host lost power was never started", "host-power", 1, 100},
    };
    for (const auto& f : found) {
        INFO(f.what);
        const auto o = run(stormy(f.seed, f.faults, f.migrations));
        for (const auto& v : o.violations) FAIL_CHECK(v.invariant << ": " << v.what << " " << v.vm);
    }
}

TEST_CASE("every fault strikes at every step, forwards and backwards, and no promise is broken") {
    sweep_request wanted;
    wanted.first = stormy(1, "all", std::getenv("CARAVAN_LONG") ? 20'000 : 6'000);
    const auto s = run(wanted, {});
    print_table(std::cout, s);
    CHECK(s.sum.violations.empty());
    for (const auto& cell : coverage_of(s.sum, wanted.first.faults).empty) FAIL_CHECK("never struck: " << cell);
}

TEST_CASE("docs/invariants.md states the invariants that are checked") {
    std::ifstream file(CARAVAN_SOURCE "/docs/invariants.md");
    std::stringstream text;
    text << file.rdbuf();
    for (const auto& row : invariants) {
        INFO(row.name);
        CHECK(text.str().find("`" + std::string(row.name) + "` | " + std::string(row.statement)) != std::string::npos);
    }
}
