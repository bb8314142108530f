#include "ops/simulate/faults.hpp"

#include <algorithm>

#include "actors/sagas/move_vm.hpp"

namespace caravan::simulate {

using namespace std::chrono_literals;

const std::vector<fault_row>& fault_table() {
    using enum fault_kind;
    static const std::vector<fault_row> table = {
        {kill_vm, "kill-vm", {}, {}, true},
        {kill_host, "kill-host", {}, {}, true},
        {kill_proxy, "kill-proxy", {}, {}, true},
        {kill_cloud, "kill-cloud", {}, {}, true},
        {kill_van, "kill-van", {}, {}, true},
        {kill_migration, "kill-migration", {}, {}, true},
        {kill_visit, "kill-visit", {}, {}, true},
        {kill_errand, "kill-errand", {}, {}, true},
        {kill_agent_adapter, "kill-agent-adapter", {}, {}, true},
        {kill_proxy_adapter, "kill-proxy-adapter", {}, {}, true},
        {end_controller, "end-controller", 100ms, 60s, true},
        {end_agent, "end-agent", 100ms, 60s, true},
        {end_proxy, "end-proxy", 100ms, 60s, true},
        {die_in_append, "die-in-append", 100ms, 10s, true},
        {host_power, "host-power", 5s, 120s, true},
        {libvirtd_restart, "libvirtd-restart", {}, {}, true},
        {libvirtd_away, "libvirtd-away", 500ms, 60s, true},
        {qemu_source, "qemu-source", {}, {}, true},
        {qemu_destination, "qemu-destination", {}, {}, true},
        {wan_dark, "wan-dark", 100ms, 60s, true},
        {wan_cut, "wan-cut", {}, {}, true},
        {wan_deaf, "wan-deaf", 100ms, 60s, true},
        {control_cut, "control-cut", 100ms, 60s, true},
        {feed_outage, "feed-outage", 100ms, 60s, true},
        {feed_slow, "feed-slow", 1s, 60s, true},
        {feed_repeats, "feed-repeats", 1s, 60s, true},
        {feed_rewound, "feed-rewound", {}, {}, true},
        {disk_slow, "disk-slow", 1s, 60s, true},
        {disk_full, "disk-full", 100ms, 60s, true},
        {clock_jump, "clock-jump", 1s, 120s, true},
        {resubmit, "resubmit", {}, {}, false},
        {abort, "abort", {}, {}, true},
        {forge, "forge", {}, {}, true},
    };
    return table;
}

std::string_view name_of(fault_kind k) { return fault_table()[static_cast<std::size_t>(k)].name; }

kinds_parsed parse_kinds(const std::string& text) {
    kinds_parsed out;
    if (text == "none") return out;
    if (text.empty()) return {{}, "\"\""};
    if (text == "all") {
        for (const auto& row : fault_table()) out.kinds.push_back(row.kind);
        return out;
    }
    for (std::size_t from = 0; from <= text.size();) {
        const auto to = std::min(text.find(',', from), text.size());
        const auto word = text.substr(from, to - from);
        const auto row = std::ranges::find(fault_table(), word, &fault_row::name);
        if (row == fault_table().end()) return {{}, word.empty() ? "\"\"" : word};
        out.kinds.push_back(row->kind);
        from = to + 1;
    }
    return out;
}

std::string in_words(const std::vector<fault_kind>& kinds) {
    if (kinds.empty()) return "none";
    if (kinds.size() == fault_table().size()) return "all";
    std::string text;
    for (const auto k : kinds) text += (text.empty() ? "" : ",") + std::string(name_of(k));
    return text;
}

// Every step forwards, and those that can be undone backwards.
const std::vector<moment>& moments() {
    static const auto all = [] {
        std::vector<moment> list;
        for (std::uint32_t i = 0; i < std::size(saga::move_vm); ++i) {
            list.push_back({i, direction::forward});
            if (saga::move_vm[i].undo != op::none) list.push_back({i, direction::undo});
        }
        return list;
    }();
    return all;
}

std::string in_words(const moment& m) {
    return '"' + std::string(saga::move_vm[m.step].name) + "\" " +
           std::string(names_of(m.way)[static_cast<std::size_t>(m.way)]);
}

namespace {

// As many short ones as long ones: each doubling is as likely.
duration drawn(dice& luck, duration least, duration most) {
    std::uint64_t doublings = 0;
    for (auto d = least; d > duration::zero() && d * 2 <= most; d *= 2) ++doublings;
    const auto from = least * (std::int64_t{1} << luck.below(doublings + 1));
    return std::min(most, luck.between(from, from * 2));
}

}  // namespace

fault fault_list::next() {
    fault f;
    f.number = count_++;
    at_ += luck_.between({}, gap_ * 2);
    f.at = at_;
    const auto& row = fault_table()[static_cast<std::size_t>(kinds_[luck_.below(kinds_.size())])];
    f.kind = row.kind;
    const bool waits = luck_.chance(700);
    const auto& there = moments()[luck_.below(moments().size())];
    const bool soon = luck_.chance(700);
    f.later = soon ? luck_.between({}, 5ms) : luck_.between({}, 2s);
    if (waits && row.at_a_step) f.when = there;
    f.lasts = drawn(luck_, row.least, row.most);
    f.choice = luck_.next();
    return f;
}

std::string in_words(const fault& f) {
    auto text = "#" + std::to_string(f.number) + " " + std::string(name_of(f.kind)) + " from " +
                std::to_string(f.at.count() / 1000) + " ms on";
    if (f.when) text += ", at " + in_words(*f.when);
    if (f.when && f.later.count()) text += " + " + std::to_string(f.later.count()) + " µs";
    if (f.lasts.count()) text += ", for " + std::to_string(f.lasts.count() / 1000) + " ms";
    return text;
}

}  // namespace caravan::simulate
