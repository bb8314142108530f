#include "tests/chaos/movers.hpp"

#include <algorithm>

namespace caravan::testing {

movers::movers(federation& f, std::size_t vms, std::function<void(const migration_id&)> begun,
               std::function<void(const migration_id&)> ended)
    : f_(f), begun_(std::move(begun)), ended_(std::move(ended)) {
    for (std::size_t i = 0; i < vms; ++i) vms_.push_back({i % 2 ? &f.b : &f.a});
}

void movers::look(bool more) {
    for (std::size_t i = 0; i < vms_.size(); ++i) look_at(i, more);
}

void movers::look_at(std::size_t vm, bool more) {
    auto& v = vms_[vm];
    if (v.of) {
        auto& last = all_[v.of - 1];
        std::string state = "running";
        v.at->controller->with_view([&](const topology::federation& f) {  // five hundred times a look: no copies
            if (const auto m = f.migrations.find(last.what.migration); m != f.migrations.end()) state = m->second.state;
        });
        if (state == "running") return;
        last.moved = state == "done";
        ++(last.moved ? done_ : undone_);
        if (last.moved) v.at = &f_.other(*v.at);
        v.of = 0;
        ended_(last.what.migration);
    }
    if (more) begin(vm);
}

void movers::begin(std::size_t vm) {
    auto& v = vms_[vm];
    const auto id = vm_numbered(vm + 1) + "." + std::to_string(v.moves);
    const auto ask = [&] {
        return v.at->submit("caravan.vm.migrate", vm_numbered(vm + 1), R"({"to":")" + v.at->peer.text + "\"}", id);
    };
    auto r = ask();
    // Accepted before, and the answer lost with an actor: the same submission is told the same.
    if (r.status != "accepted" && r.status != "duplicate") return;
    if (all_.size() % 16 == 0) {
        const auto again = ask();
        if (again.status != "duplicate" || again.migration != r.migration) doubts_.push_back(r.text + " | " + again.text);
    }
    ++v.moves;
    begun_(r.migration);
    all_.push_back({v.at, std::move(r)});
    v.of = all_.size();
}

std::size_t movers::under_way() const {
    return std::size_t(std::count_if(vms_.begin(), vms_.end(), [](const one& v) { return v.of != 0; }));
}

std::string movers::still_running() const {
    std::string text;
    for (std::size_t i = 0; i < vms_.size(); ++i) {
        if (!vms_[i].of) continue;
        const auto& id = all_[vms_[i].of - 1].what.migration;
        const auto m = vms_[i].at->migration(id);
        text += vm_numbered(i + 1) + " by " + id.text + " from " + vms_[i].at->name.text + " is " +
                (m ? m->state + " in " + m->phase + " " + m->reason + " " + m->stuck : "unknown") + "\n";
    }
    return text;
}

}  // namespace caravan::testing
