#include <catch2/catch.hpp>

#include "adapters/sim/guest.hpp"
#include "adapters/sim/hypervisor.hpp"
#include "tests/contract/hypervisor/suite.hpp"

using namespace caravan;
using namespace caravan::contract;
using namespace std::chrono_literals;

namespace {

class sim_world final : public contract::world_of_processes {
  public:
    sim_world() : ground_(timer_.timing(), fast()) {
        for (const auto s : {side::source, side::destination}) {
            ground_.add_host(place_of(s), sim::host_for_guests());
            restart_adapter(s);
        }
    }
    ~sim_world() override { timer_.stop(); }

    port::hypervisor& at(side s) override { return *of(s).adapter; }
    told& heard(side s) override { return *of(s).heard; }
    void boot(const std::string& name) override {
        ground_.boot(place_of(side::source), sim::spec_of({name, "lan"}));
    }
    void connect(const job& source, const job& destination) override {
        auto from = source, to = destination;
        from.host = place_of(side::source).host;
        to.host = place_of(side::destination).host;
        wire_ = ground_.add_channel(nullptr);
        using enum sim::channel_end;
        for (const auto end : {source_agent, source_relay}) ground_.open_end(wire_, end, from);
        for (const auto end : {destination_relay, destination_agent})
            ground_.open_end(wire_, end, to);
    }
    void disconnect(const job& j) override { ground_.close_ends(wire_, j.id); }
    void slow(bool yes) override { ground_.set_pace(yes ? sim::pace{13 << 20} : fast()); }
    void restart_adapter(side s) override {
        auto& a = of(s);
        a.adapter.reset();
        a.heard = std::make_unique<told>();
        a.adapter = std::make_unique<sim::sim_hypervisor>(ground_, place_of(s), *a.heard);
    }
    void restart_daemon(side s) override { ground_.restart_daemon(place_of(s)); }
    void power_loss(side s) override {
        ground_.power_loss(place_of(s));
        restart_adapter(s);
    }
    void kill_guest(side s, const std::string& name) override { ground_.kill_guest(place_of(s), vm_name(name)); }
    bool guest_is_whole(const std::string& name) override {
        const auto all = ground_.copies_of(vm_name(name));
        return ground_.violations().empty() &&
               std::ranges::count(all, port::run_state::running, &sim::world::copy_seen::state) ==
                   1;
    }
    std::vector<std::string> leftovers(side s, const job& j) override {
        return ground_.leftovers(place_of(s), j.id, j.vm.name);
    }

  private:
    struct agent {
        std::unique_ptr<told> heard;
        std::unique_ptr<sim::sim_hypervisor> adapter;
    };
    static sim::pace fast() {
        sim::pace p{bytes{4000} << 20};
        p.trip = p.confirm = 20ms;
        return p;
    }
    static sim::place place_of(side s) {
        return s == side::source ? sim::place{cloud_name("thales"), host_name("h1")}
                                 : sim::place{cloud_name("umea"), host_name("h2")};
    }
    agent& of(side s) { return agents_[static_cast<std::size_t>(s)]; }

    sim::timer_thread timer_;
    sim::world ground_;
    sim::world::holder wire_ = 0;
    agent agents_[2];
};

}  // namespace

TEST_CASE("the hypervisor contract on simulated hosts") {
    for (const auto& check : hypervisor_contract) DYNAMIC_SECTION(check.name) {
            check.run(*std::make_unique<sim_world>());
        }
}

TEST_CASE("simulated hosts follow the table of faults") {
    for (const auto& check : fault_checks()) DYNAMIC_SECTION(check.name) {
            becomes_what_the_table_says(*std::make_unique<sim_world>(), check.row);
        }
}
