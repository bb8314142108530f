// The simulator itself: equal seeds make equal runs, others make others, and nothing is ever amiss.
#include <catch2/catch.hpp>

#include "ops/simulate/sweep.hpp"

using namespace caravan;
using namespace caravan::simulate;

namespace {

account of_seed(std::uint64_t seed, std::size_t migrations = 30) {
    request r;
    r.seed = seed;
    r.migrations = migrations;
    r.shape = {3, 2, 9};
    return run(r);
}

}  // namespace

TEST_CASE("the same seed gives the same trace, another one another") {
    const auto one = of_seed(1);
    CHECK(one.digest == of_seed(1).digest);
    CHECK(one.digest != of_seed(2).digest);
    CHECK(one.violations.empty());
    CHECK(one.ends == std::map<std::string, std::uint64_t>{{"done", 30}});
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
