// vm_files: the VMs of a simulated host, kept as files in one folder as a real host keeps them in QEMU's
// processes, libvirt's definitions and disk images: they outlive the agent.
//
//   NAME.json     its specification, its state and, of a copy, its migration. A VM is made by putting
//                 this file there, {"vm":{…},"state":"running"}, and is seen at once
//   NAME.memory   its memory: bytes that a copy carries and that anyone can compare
//   NAME.TARGET   its disk: of `capacity` bytes, the overlay first
//
// A memory or disk that was never written is all zeroes. Not for several processes that write at once,
// but for a reader beside the agent: a record is whole or not there.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "events/json.hpp"
#include "events/result.hpp"
#include "events/vm_spec.hpp"

namespace caravan::sim {

enum class vm_state : std::uint8_t { running, paused, off, staged };
inline constexpr std::array<std::string_view, 4> vm_state_names = {"running", "paused", "off", "staged"};
constexpr const auto& names_of(vm_state) noexcept { return vm_state_names; }

struct vm_record {
    vm_spec vm;
    vm_state state = vm_state::off;
    migration_id of;  // the copy's, until it is resumed; at a source, of the last one begun
};

template <class F>
void describe(F& f, vm_record& x) {
    f.field("vm", x.vm, "specification");
    f.field("state", x.state, "running, paused, off or staged: being copied to, or about to be");
    f.field("of", x.of, "migration it is a copy of");
}

class vm_files {
  public:
    explicit vm_files(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::vector<vm_record> all() const;
    std::optional<vm_record> find(const vm_name&) const;
    result<void> put(const vm_record&) const;  // transient "no_disk_room"; permanent "bad_name"
    void remove(const vm_record&) const;       // the record first, then memory and disks
    bytes room() const;                        // on the folder's file system

    std::filesystem::path memory_of(const vm_spec&) const;
    std::filesystem::path disk_of(const vm_spec&, const disk_spec&) const;
    // caravan-ID-{ctl,mem,nbd}.sock: where the channel's ends are met.
    std::filesystem::path socket_of(const migration_id&, const char* stream) const;
    std::filesystem::path daemon_socket() const { return folder_ / "libvirt.sock"; }

  private:
    std::filesystem::path record_of(const vm_name&) const;
    std::filesystem::path folder_;
};

}  // namespace caravan::sim
