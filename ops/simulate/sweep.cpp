#include "ops/simulate/sweep.hpp"

namespace caravan::simulate {

std::uint64_t seed_of(std::uint64_t first, std::size_t episode) {
    if (episode == 0) return first;
    return dice(first + episode * 0x9e3779b97f4a7c15u).next() >> 1;  // fits what scripts take for a number
}

namespace {

void add(account& to, const account& one) {
    for (const auto& [end, count] : one.ends) to.ends[end] += count;
    for (const auto& [fault, count] : one.faults) to.faults[fault] += count;
    for (const auto& [cell, count] : one.coverage) to.coverage[cell] += count;
    to.violations.insert(to.violations.end(), one.violations.begin(), one.violations.end());
    to.steps += one.steps;
    to.events += one.events;
    to.simulated += one.simulated;
}

}  // namespace

coverage coverage_of(const account& o, const std::vector<fault_kind>& kinds) {
    coverage c;
    for (const auto k : kinds) {
        if (!fault_table()[static_cast<std::size_t>(k)].at_a_step) continue;
        for (const auto& m : moments()) {
            ++c.cells;
            if (!o.coverage.contains({m, k})) c.empty.push_back(std::string(name_of(k)) + " at " + in_words(m));
        }
    }
    return c;
}

summary run(const sweep_request& wanted, const std::function<void(const std::string&)>& progress) {
    summary s;
    s.asked = wanted;
    trace all;
    const auto begun = std::chrono::steady_clock::now();
    std::size_t left = wanted.first.migrations;
    for (; left > 0 && s.sum.violations.empty(); ++s.episodes) {
        request one = wanted.first;
        one.seed = seed_of(wanted.first.seed, s.episodes);
        one.migrations = std::min(left, wanted.migrations_each);
        left -= one.migrations;
        const auto o = run(one);
        add(s.sum, o);
        s.last = one;
        if (!o.violations.empty() && wanted.small) {
            const auto& v = o.violations.front();
            if (progress) progress("violation of " + v.invariant + ": " + v.what + "\nmaking it small: " + command_line(one));
            s.shown = shrink(one, o);
        }
        all.note({}, o.digest);
        if (progress && s.episodes % 20 == 19)
            progress(std::to_string(wanted.first.migrations - left) + " of " + std::to_string(wanted.first.migrations));
    }
    s.sum.digest = all.digest();
    s.wall = std::chrono::steady_clock::now() - begun;
    return s;
}

}  // namespace caravan::simulate
