// The contract on hosts whose VMs are files, with two real gates between them.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <thread>

#include "adapters/channel/gate/rules.hpp"
#include "adapters/sim/host/folder_hypervisor.hpp"
#include "adapters/sim/host/line.hpp"
#include "adapters/sim/host/talk.hpp"
#include "adapters/sim/host/vm_files.hpp"
#include "tests/contract/hypervisor/suite.hpp"

using namespace caravan;
using namespace caravan::contract;
namespace fs = std::filesystem;

namespace {

constexpr bytes memory_size = 16 << 20, capacity = 24 << 20, overlay = 8 << 20;

gate::policy policy_of(const job& j, const sim::vm_files& files) {
    gate::policy p;
    p.leave.id = j.id;
    p.leave.vm = j.vm.name;
    p.leave.vm_uuid = j.vm.uuid;
    for (const auto& d : j.vm.disks) p.leave.disks.push_back(d.target);
    p.leave.whole_disk = j.mode == copy_mode::disk;
    p.own_mem_uri = sim::uri_of(files.socket_of(j.id, "mem"));
    p.own_nbd_uri = sim::uri_of(files.socket_of(j.id, "nbd"));
    return p;
}

// Agents and proxies, as far as a copy needs them: sockets of one host joined to those of the other.
class wire {
  public:
    wire(const job& a, const sim::vm_files& at_a, const job& b, const sim::vm_files& at_b, const std::atomic<bytes>& rate)
        : rate_(rate) {
        for (const char* stream : {"ctl", "mem", "nbd"}) {
            const bool ctl = std::string_view(stream) == "ctl";
            auto from = sim::ear::open(at_a.socket_of(a.id, stream));
            REQUIRE(from);
            const auto to = ctl ? at_b.daemon_socket() : at_b.socket_of(b.id, stream);
            threads_.emplace_back([this, ctl, from = std::move(*from), to, a = policy_of(a, at_a),
                                   b = policy_of(b, at_b)](const std::stop_token& stop) mutable {
                while (auto near = from.accept({stop}))
                    if (auto far = sim::line::dial(to)) {
                        gate::gate one(gate::place::source, a), other(gate::place::destination, b);
                        pump(*near, *far, ctl ? &one : nullptr, ctl ? &other : nullptr, stop);
                    }
            });
        }
    }

  private:
    void pump(sim::line& near, sim::line& far, gate::gate* a, gate::gate* b, const std::stop_token& stop) {
        std::string room(64 << 10, '\0');
        while (!stop.stop_requested()) {
            pollfd both[2] = {{near.fd(), POLLIN, 0}, {far.fd(), POLLIN, 0}};
            if (::poll(both, 2, 20) <= 0) continue;
            const bool call = both[0].revents != 0;
            const auto got = ::recv(both[call ? 0 : 1].fd, room.data(), room.size(), 0);
            if (got <= 0) return;
            auto said = room.substr(0, static_cast<std::size_t>(got));
            for (auto* g : call ? std::array{a, b} : std::array{b, a})
                if (g) said = g->take(call ? gate::direction::call : gate::direction::reply, said).forward;
            if (!(call ? far : near).write(said, {stop})) return;
            const auto span = std::chrono::milliseconds(said.size() * 1000 / rate_);
            if (!sim::rest(span, {stop})) return;
        }
    }
    const std::atomic<bytes>& rate_;
    std::vector<std::jthread> threads_;
};

class folder_world final : public contract::world {
  public:
    folder_world() {
        char name[] = "/tmp/caravan-test-XXXXXX";
        REQUIRE(::mkdtemp(name));
        top_ = name;
        for (const auto s : {side::source, side::destination}) {
            fs::create_directory(folder_of(s));
            restart_adapter(s);
        }
    }
    ~folder_world() override {
        wires_.clear();
        for (auto& a : agents_) a.adapter.reset();
        fs::remove_all(top_);
    }

    port::hypervisor& at(side s) override { return *of(s).adapter; }
    told& heard(side s) override { return *of(s).heard; }
    void boot(const std::string& name) override {
        vm_spec vm;
        vm.name = vm_name(name);
        vm.uuid = "00000000-0000-4000-8000-0000000000ab";
        vm.memory = memory_size;
        vm.vcpus = 1;
        vm.machine = "pc-i440fx-7.2";
        vm.cpu_model = "qemu64";
        vm.disks = {{"vda", capacity, sim::simulated_base, overlay}};
        vm.nics = {{"52:54:00:00:00:01", van_name("lan")}};
        vm.neutral_xml = "<domain/>";
        memory_ = random(memory_size, 1);
        disk_ = random(overlay, 2);
        std::ofstream(files_of(side::source).memory_of(vm), std::ios::binary) << memory_;
        std::ofstream(files_of(side::source).disk_of(vm, vm.disks[0]), std::ios::binary) << disk_;
        REQUIRE(files_of(side::source).put({vm, sim::vm_state::running, {}}));
    }
    void connect(const job& a, const job& b) override {
        wires_[a.id] = std::make_unique<wire>(a, files_of(side::source), b, files_of(side::destination), rate_);
    }
    void disconnect(const job& j) override { wires_.erase(j.id); }
    void slow(bool yes) override { rate_ = yes ? bytes{2} << 20 : bytes{4} << 30; }
    void restart_adapter(side s) override {
        auto& a = of(s);
        a.adapter.reset();
        a.heard = std::make_unique<told>();
        auto made = sim::folder_hypervisor::open({folder_of(s), 0}, *a.heard);
        REQUIRE(made);
        a.adapter = std::move(*made);
    }
    // A simulated host has no daemon apart: of it, its streams alone would be seen.
    void restart_daemon(side) override { wires_.clear(); }
    void power_loss(side s) override { restart_adapter(s); }
    bool guest_is_whole(const std::string& name) override {
        int running = 0;
        bool whole = true;
        for (const auto s : {side::source, side::destination})
            if (const auto r = files_of(s).find(vm_name(name)); r && r->state == sim::vm_state::running) {
                ++running;
                whole = bytes_of(files_of(s).memory_of(r->vm)) == memory_ &&
                        bytes_of(files_of(s).disk_of(r->vm, r->vm.disks[0])).substr(0, overlay) == disk_;
            }
        return running == 1 && whole;
    }
    std::vector<std::string> leftovers(side s, const job& j) override {
        std::vector<std::string> all;
        for (const auto& file : fs::directory_iterator(folder_of(s))) {
            const auto name = file.path().filename().string();
            if (name.starts_with(j.vm.name.text) || name.find(j.id.text) != name.npos) all.push_back(name);
        }
        return all;
    }

  private:
    struct agent {
        std::unique_ptr<told> heard;
        std::unique_ptr<sim::folder_hypervisor> adapter;
    };
    static std::string random(bytes size, unsigned seed) {
        std::minstd_rand draw(seed);
        std::string all(size, '\0');
        for (auto& c : all) c = static_cast<char>(draw() >> 8);
        return all;
    }
    static std::string bytes_of(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string folder_of(side s) const { return (top_ / (s == side::source ? "a" : "b")).string(); }
    sim::vm_files files_of(side s) const { return sim::vm_files(folder_of(s)); }
    agent& of(side s) { return agents_[static_cast<std::size_t>(s)]; }

    fs::path top_;
    std::string memory_, disk_;
    std::atomic<bytes> rate_ = bytes{4} << 30;
    std::map<migration_id, std::unique_ptr<wire>> wires_;
    agent agents_[2];
};

}  // namespace

TEST_CASE("the hypervisor contract on hosts whose VMs are files") {
    for (const auto& check : hypervisor_contract) DYNAMIC_SECTION(check.name) {
            check.run(*std::make_unique<folder_world>());
        }
}
