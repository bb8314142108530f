#include "ops/simulate/shrink.hpp"

#include <algorithm>
#include <deque>

namespace caravan::simulate {

namespace {

constexpr std::size_t lines_max = 40, line_length_max = 160;

class search {
  public:
    search(const request& first, const account& found, std::size_t runs_max)
        : best_(first), invariant_(found.violations.front().invariant), left_(runs_max) {
        accept(first, found);
    }

    // Leaves out one part of the faults after another, in ever smaller parts (Zeller, Hildebrandt 2002).
    void fewer_faults() {
        for (std::size_t parts = 2; !numbers_.empty() && parts <= 2 * numbers_.size();) {
            const auto size = (numbers_.size() + parts - 1) / parts;
            bool smaller = false;
            for (std::size_t from = 0; from < numbers_.size() && !smaller; from += size) {
                auto without = numbers_;
                without.erase(without.begin() + long(from), without.begin() + long(std::min(from + size, without.size())));
                smaller = try_only(without);
            }
            parts = smaller ? std::max<std::size_t>(2, parts - 1) : parts * 2;
        }
    }
    template <class Part>
    void halve(Part part, std::size_t least) {
        for (auto fewer = best_; part(fewer) > least; fewer = best_) {
            part(fewer) = std::max(least, part(fewer) / 2);
            if (!attempt(fewer)) return;
        }
    }
    const request& best() const { return best_; }
    std::size_t runs() const { return runs_; }
    const account& seen() const { return seen_; }

  private:
    bool try_only(const std::vector<std::size_t>& numbers) {
        auto r = best_;
        r.only.emplace(numbers.begin(), numbers.end());
        return attempt(r);
    }
    bool attempt(const request& r) {
        if (runs_ == left_) return false;
        ++runs_;
        auto o = run(r);
        if (o.violations.empty() || o.violations.front().invariant != invariant_) return false;
        accept(r, o);
        return true;
    }
    void accept(const request& r, const account& o) {
        best_ = r;
        seen_ = o;
        numbers_.clear();
        for (const auto& f : o.struck) numbers_.push_back(f.number);
        std::ranges::sort(numbers_);
        best_.only.emplace(numbers_.begin(), numbers_.end());
    }

    request best_;
    const std::string invariant_;
    const std::size_t left_;
    std::size_t runs_ = 0;
    account seen_;
    std::vector<std::size_t> numbers_;
};

// What has to do with the VM: lines that name it or one of its migrations, and every fault.
std::vector<std::string> told_of(request r, const std::string& vm) {
    std::deque<std::string> lines;
    std::set<std::string> names{vm};
    r.tell = [&](const std::string& line) {
        const auto named = [&](const std::string& n) { return line.find(n) != line.npos; };
        if (line.find(" fault ") == line.npos && !vm.empty() && std::ranges::none_of(names, named)) return;
        if (const auto at = line.find("vm.move_begun " + vm + " {\"migration\":\""); at != line.npos)
            names.insert(line.substr(line.find("\":\"", at) + 4, 26));
        lines.push_back(line.size() > line_length_max ? line.substr(0, line_length_max) + " …" : line);
        if (lines.size() > lines_max) lines.pop_front();
    };
    (void)run(r);
    return {lines.begin(), lines.end()};
}

}  // namespace

smallest shrink(const request& first, const account& found, std::size_t runs_max) {
    search s(first, found, runs_max);
    s.fewer_faults();
    s.halve([](request& r) -> std::size_t& { return r.migrations; }, 1);
    s.halve([](request& r) -> std::size_t& { return r.shape.vms; }, 1);
    s.fewer_faults();
    smallest out{s.best(), s.seen().violations.front(), s.seen().struck, {}, s.runs()};
    out.lines = told_of(out.what, out.seen.vm);
    return out;
}

}  // namespace caravan::simulate
