// Runs one libvirt_hypervisor inside a host's namespaces and lets a test in another process call
// it: on_host CONFIG-WORD..., calls on stdin, answers and news on stdout, each a length and its
// bytes.
#include <unistd.h>

#include <functional>
#include <iostream>
#include <map>
#include <mutex>

#include "adapters/libvirt/libvirt_hypervisor.hpp"
#include "tests/contract/hypervisor/archive.hpp"

namespace {

using namespace caravan;
using contract::pack;

void send(const std::string& bytes) {
    static std::mutex one;
    const std::lock_guard lock(one);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::cout.write(reinterpret_cast<const char*>(&size), sizeof size) << bytes << std::flush;
}
bool receive(std::string& bytes) {
    std::uint32_t size = 0;
    if (!std::cin.read(reinterpret_cast<char*>(&size), sizeof size)) return false;
    bytes.resize(size);
    return static_cast<bool>(std::cin.read(bytes.data(), size));
}

struct news final : port::hypervisor_listener {
    void vm_changed(const port::vm_observation& o) override { send('v' + pack(o)); }
    void copy_progressed(const port::copy_progress& p) override { send('p' + pack(p)); }
    void copy_begun(const migration_id& id) override { send('b' + pack(id)); }
    void copy_ended(const migration_id& id, const result<void>& r) override {
        send('e' + pack(id, r));
    }
};

}  // namespace

int main(int, char** word) {
    static news listener;
    libvirt::config where;
    where.emulator = word[1];
    where.domain_type = "qemu";
    libvirt::libvirt_hypervisor host(where, listener);
    using on_job = std::function<std::string(const job&)>;
    const std::map<char, on_job> calls = {
        {'D', [&](const job&) { return pack(host.describe()); }},
        {'O', [&](const job&) { return pack(host.observe()); }},
        {'s', [&](const job& j) { return pack(host.stage(j)); }},
        {'d', [&](const job& j) { return pack(host.discard(j)); }},
        {'c', [&](const job& j) { return pack(host.start_copy(j)); }},
        {'a', [&](const job& j) { return pack(host.abort_copy(j)); }},
        {'o', [&](const job& j) { return pack(host.prove_off(j)); }},
        {'r', [&](const job& j) { return pack(host.resume(j)); }},
        {'x',
         [&](const job& j) {
             const auto own = host.own_domains(j);
             return own ? pack(own->live, own->persistent)
                        : pack(own.error().detail, own.error().reason);
         }},
    };
    for (std::string asked; receive(asked);) {
        job j;
        contract::unpack(asked.substr(1), j);
        send('=' + calls.at(asked[0])(j));
    }
    _exit(0);  // as an agent that is killed: a copy under way goes on
}
