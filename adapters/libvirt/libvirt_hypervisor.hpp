// libvirt_hypervisor: the hypervisor port on one host's libvirtd (9.0) and QEMU (7.2).
//
// What it adds to the port's promises:
// - Disks are qcow2 files in the images folder: NAME-TARGET.qcow2 for what arrives; a VM that was
// made
//   by others keeps its own paths until it leaves. Base images are raw: "base*.img" or "*.base".
// - A bridge named cv-NAME is the VAN NAME; any other is no VAN.
// - What a job makes or leaves on disk is recorded before (job_files.hpp), so discard finds it
// after
//   any crash. resume ends the record: from then on the VM is nobody's copy, and discard of that
//   job at the destination refuses with permanent "not_of_this_job" if the VM is there.
// - prove_off looks at the state just before the signal: a copy that libvirt resumes in that
// instant
//   (less than a millisecond) loses what it did in it; nothing of that was ever promised.
// - prove_off answers when the process is dead; libvirt itself calls the VM off up to 200 ms later
//   (it looks that seldom). A copy whose VM was ended so, while libvirt was still confirming, ends
//   ok, seen on libvirt 9.0; unknown "copy_unknown" if libvirt should ever say otherwise. After
//   prove_off the copy's end carries no news.
// - Post-copy is not offered.
#pragma once

#include <memory>
#include <string>

#include "actors/ports/hypervisor.hpp"
#include "adapters/libvirt/domain_xml.hpp"
#include "adapters/libvirt/job_files.hpp"

namespace caravan::libvirt {

struct config {
    std::string uri = "qemu:///system";
    std::string images = "/var/lib/libvirt/images";  // folder; also of the pool
    std::string sockets = "/var/lib/libvirt/qemu";   // folder of the jobs' sockets
    std::string boot = "/var/lib/libvirt/boot";      // folder with vmlinuz and initrd
    std::string emulator = "/usr/bin/qemu-system-x86_64";
    std::string pool = "images";                  // dir pool: whole-disk copies are made in it
    std::string processes = "/run/libvirt/qemu";  // where libvirt keeps NAME.pid
    std::string definitions = "/etc/libvirt/qemu";  // where libvirt keeps NAME.xml
    std::string domain_type = "kvm";              // or "qemu": what host_description speaks of
};

class libvirt_hypervisor final : public port::hypervisor {
  public:
    // The listener outlives us, may be told before the constructor returns, and must not call us
    // from what it is told.
    libvirt_hypervisor(config, port::hypervisor_listener&);
    ~libvirt_hypervisor() override;

    result<port::host_description> describe() override;
    result<std::vector<port::vm_observation>> observe() override;
    result<void> stage(const job&) override;
    result<void> discard(const job&) override;
    result<void> start_copy(const job&) override;
    result<void> abort_copy(const job&) override;
    result<void> prove_off(const job&) override;
    result<void> resume(const job&) override;

    // Destination: this host's own XML for the job's VM, which the gate puts in place of the
    // peer's. Pure: the same for the same job, before and after stage.
    result<own_domain> own_domains(const job&) const;
    job_sockets sockets_of(const migration_id&) const;

  private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace caravan::libvirt
