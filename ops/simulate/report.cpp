#include <iomanip>
#include <ostream>

#include "events/json.hpp"
#include "ops/simulate/sweep.hpp"

namespace caravan::simulate {

namespace {

double seconds(std::chrono::nanoseconds t) { return std::chrono::duration<double>(t).count(); }

std::string in_words(duration t) {
    const auto s = t.count() / 1'000'000;
    if (s < 120) return std::to_string(s) + " s";
    if (s < 2 * 3600) return std::to_string(s / 60) + " min";
    if (s < 2 * 86400) return std::to_string(s / 3600) + " h";
    return std::to_string(s / 86400) + " days";
}

void print_counts(std::ostream& to, std::string_view title, const std::map<std::string, std::uint64_t>& counts) {
    for (const auto& [what, count] : counts) {
        to << std::left << std::setw(12) << title << std::right << std::setw(9) << count << "  " << what << '\n';
        title = "";
    }
    if (counts.empty()) to << std::left << std::setw(12) << title << "     none\n";
}

void print_violation(std::ostream& to, const violation& v) {
    to << "VIOLATION   " << v.invariant << " at " << format_instant(v.at) << (v.vm.empty() ? "" : ", " + v.vm) << '\n'
       << "            " << v.what << '\n';
}

void print_smallest(std::ostream& to, const smallest& s) {
    to << "\nat its smallest, after " << s.runs << " more runs:\n";
    print_violation(to, s.seen);
    for (const auto& f : s.faults) to << "            " << in_words(f) << '\n';
    for (const auto& line : s.lines) to << "  " << line << '\n';
    to << "again:      " << command_line(s.what) << '\n';
}

std::uint64_t all_of(const std::map<std::string, std::uint64_t>& counts) {
    std::uint64_t sum = 0;
    for (const auto& [what, count] : counts) sum += count;
    return sum;
}

void put(json_out& out, std::string_view key, const auto& value) {
    out.key(key);
    write_json(out, value);
}

void put_counts(json_out& out, std::string_view key, const std::map<std::string, std::uint64_t>& counts) {
    out.key(key);
    out.begin_object();
    for (const auto& [what, count] : counts) put(out, what, count);
    out.end_object();
}

}  // namespace

std::string command_line(const request& r) {
    auto line = "caravan simulate --seed " + std::to_string(r.seed) + " --migrations " + std::to_string(r.migrations) +
                " --clouds " + std::to_string(r.shape.clouds) + " --hosts " + std::to_string(r.shape.hosts) +
                " --vms " + std::to_string(r.shape.vms);
    if (r.until != request().until) line += " --until " + std::to_string(r.until.count() / 1'000'000) + "s";
    if (r.faults.empty()) return line;
    line += " --faults " + in_words(r.faults);
    if (!r.only) return line;
    if (r.only->empty()) return line + " --only none";
    line += " --only ";
    for (const auto n : *r.only) line += std::to_string(n) + ",";
    line.pop_back();
    return line;
}

void print_table(std::ostream& to, const summary& s) {
    const auto& r = s.asked.first;
    to << "seed " << r.seed << ": " << r.migrations << " migrations, " << s.episodes << " federations of "
       << r.shape.clouds << " clouds, " << r.shape.hosts << " hosts each, " << r.shape.vms << " VMs, faults: "
       << in_words(r.faults) << "\n\n";
    print_counts(to, "migrations", s.sum.ends);
    print_counts(to, "faults", s.sum.faults);
    if (!r.faults.empty()) {
        const auto c = coverage_of(s.sum, r.faults);
        to << "coverage    " << std::setw(9) << c.cells - c.empty.size() << "  of " << c.cells
           << " cells (fault × step × direction) were struck\n";
    }
    to << "invariants  " << std::setw(9) << invariants.size() << "  checked at every change and at rest\n"
       << "violations  " << std::setw(9) << s.sum.violations.size() << '\n'
       << "time        simulated " << in_words(s.sum.simulated) << ", wall " << std::fixed << std::setprecision(1)
       << seconds(s.wall) << " s (" << std::setprecision(0) << double(all_of(s.sum.ends)) / seconds(s.wall)
       << " migrations/s), " << s.sum.steps << " steps, " << s.sum.events << " events\n"
       << "digest      " << chain::hex(s.sum.digest) << '\n';
    for (std::size_t i = 0; i < std::min<std::size_t>(5, s.sum.violations.size()); ++i)
        print_violation(to, s.sum.violations[i]);
    if (s.shown) print_smallest(to, *s.shown);
    else if (!s.sum.violations.empty()) to << "again:      " << command_line(s.last) << '\n';
}

void print_json(std::ostream& to, const summary& s) {
    std::string text;
    json_out out(text);
    out.begin_object();
    put(out, "seed", s.asked.first.seed);
    put(out, "episodes", std::uint64_t{s.episodes});
    put_counts(out, "migrations", s.sum.ends);
    put_counts(out, "faults", s.sum.faults);
    out.key("violations");
    out.begin_array();
    for (const auto& v : s.sum.violations) {
        out.begin_object();
        put(out, "invariant", v.invariant);
        put(out, "at", v.at);
        put(out, "vm", v.vm);
        put(out, "what", v.what);
        out.end_object();
    }
    out.end_array();
    const auto covered = coverage_of(s.sum, s.asked.first.faults);
    put(out, "cells", std::uint64_t{covered.cells});
    put(out, "cells_struck", std::uint64_t{covered.cells - covered.empty.size()});
    put(out, "invariants", std::uint64_t{invariants.size()});
    if (s.shown) put(out, "again", command_line(s.shown->what));
    put(out, "steps", s.sum.steps);
    put(out, "events", s.sum.events);
    put(out, "simulated_seconds", std::uint64_t(s.sum.simulated.count() / 1'000'000));
    put(out, "wall_ms", std::uint64_t(s.wall.count() / 1'000'000));
    put(out, "digest", chain::hex(s.sum.digest));
    out.end_object();
    to << text << '\n';
}

}  // namespace caravan::simulate
