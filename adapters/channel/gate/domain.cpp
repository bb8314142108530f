#include "adapters/channel/gate/domain.hpp"

namespace caravan::gate {
namespace {

using xml::text;

// Elements and attributes of libvirt's formatdomain that describe the guest, not its host.
const xml::row rows[] = {
    // clang-format off
    {"", "domain", "type=qemu|kvm"},
    {"domain", "name uuid on_poweroff on_reboot on_crash on_lockfailure", "", text::word},
    {"domain", "memory currentMemory", "unit", text::number},
    {"domain", "vcpu", "placement=static current", text::number},
    {"domain", "iothreads", "", text::number},
    {"domain", "os features pm devices", ""},
    {"domain", "cpu", "mode=custom match check migratable"},
    {"domain", "clock", "offset=utc|localtime|variable|absolute adjustment basis start"},
    {"os", "type", "arch machine", text::word},
    {"os", "kernel initrd", "", text::path},
    {"os", "cmdline", "", text::cmdline},
    {"os", "boot", "dev"},
    {"os", "bootmenu", "enable timeout"},
    {"os", "bios", "useserial rebootTimeout"},
    {"features", "acpi pae", ""},
    {"features", "apic", "eoi"},
    {"features", "hap kvm hyperv", "state mode"},
    {"features", "vmport pmu", "state"},
    {"features", "smm ioapic", "state driver"},
    {"hyperv", "relaxed vapic vpindex runtime synic stimer reset frequencies reenlightenment tlbflush ipi", "state"},
    {"hyperv", "spinlocks", "state retries"},
    {"kvm", "hidden hint-dedicated poll-control", "state"},
    {"clock", "timer", "name tickpolicy present frequency mode"},
    {"pm", "suspend-to-mem suspend-to-disk", "enabled"},
    {"devices", "emulator", "", text::path},
    {"devices", "disk", "type=file device=disk|cdrom model"},
    {"disk", "driver", "name=qemu type=qcow2|raw cache io discard detect_zeroes error_policy rerror_policy queues queue_size iothread copy_on_read ioeventfd event_idx"},
    {"disk", "source", "file/ index startupPolicy"},
    {"disk", "target", "dev bus removable rotation_rate tray"},
    {"disk", "serial wwn vendor product", "", text::word},
    {"disk", "boot", "order"},
    {"disk", "readonly shareable transient", ""},
    {"disk", "blockio", "logical_block_size physical_block_size"},
    {"disk", "iotune", ""},
    {"iotune", "total_bytes_sec read_bytes_sec write_bytes_sec total_iops_sec read_iops_sec write_iops_sec", "", text::number},
    {"devices", "controller", "type=usb|pci|ide|sata|scsi|virtio-serial|fdc|isa|ccid index model ports vectors"},
    {"controller", "model", "name"},
    {"controller", "target", "chassis chassisNr port hotplug busNr index"},
    {"controller", "master", "startport"},
    {"controller", "driver", "queues iothread cmd_per_lun max_sectors ioeventfd"},
    {"devices", "interface", "type=bridge"},
    {"interface", "mac", "address"},
    {"interface", "source", "bridge=caravan"},
    {"interface", "model", "type"},
    {"interface", "rom", "enabled=no|yes bar"},
    {"interface", "driver", "name queues rx_queue_size tx_queue_size ioeventfd event_idx"},
    {"driver", "host", "csum gso tso4 tso6 ecn ufo mrg_rxbuf"},
    {"driver", "guest", "csum tso4 tso6 ecn ufo"},
    {"interface", "mtu", "size"},
    {"interface", "link", "state"},
    {"interface", "boot", "order"},
    {"devices", "serial console", "type=file|unix|pty|null"},
    {"serial", "source", "path/ append=on|off mode=bind"},
    {"console", "source", "path/ append=on|off mode=bind"},
    {"serial", "target", "type port"},
    {"console", "target", "type port"},
    {"target", "model", "name"},
    {"devices", "channel", "type=unix"},
    {"channel", "source", "path/ mode=bind"},
    {"channel", "target", "type=virtio name"},
    {"devices", "input", "type=mouse|keyboard|tablet bus=ps2|usb|virtio model"},
    {"devices", "video", ""},
    {"video", "driver", "name"},
    {"video", "model", "type ram vram vram64 vgamem heads primary blob"},
    {"model", "resolution", "x y"},
    {"model", "acceleration", "accel3d=no accel2d=no"},
    {"devices", "memballoon", "model autodeflate freePageReporting"},
    {"memballoon", "stats", "period"},
    {"devices", "watchdog", "model action=none|reset|shutdown|poweroff|pause"},
    {"devices", "panic", "model"},
    {"devices", "audio", "id type=none"},
    {"devices", "vsock", "model"},
    {"disk", "address", "type domain bus slot function multifunction controller target unit"},
    {"controller", "address", "type domain bus slot function multifunction"},
    {"interface", "address", "type domain bus slot function multifunction"},
    {"serial", "address", "type iobase irq controller bus port"},
    {"channel", "address", "type controller bus port"},
    {"input", "address", "type bus port domain slot function"},
    {"video", "address", "type domain bus slot function multifunction"},
    {"memballoon", "address", "type domain bus slot function multifunction"},
    {"watchdog", "address", "type domain bus slot function multifunction"},
    {"panic", "address", "type iobase"},
    // clang-format on
};

const xml::row cpu[] = {
    // clang-format off
    {"cpu", "model", "fallback=allow|forbid vendor_id", text::word},
    {"cpu", "vendor", "", text::word},
    {"cpu", "topology", "sockets dies cores threads"},
    {"cpu", "feature", "policy name"},
    {"cpu", "cache", "level mode"},
    {"cpu", "maxphysaddr", "mode=emulate bits"},
    {"cpu", "numa", ""},
    {"numa", "cell", "id cpus memory unit discard memAccess"},
    {"cell", "distances", ""},
    {"distances", "sibling", "id value"},
    // clang-format on
};

}  // namespace

std::span<const xml::row> cpu_rows() {
    return cpu;
}

void judge_domain(pugi::xml_node domain, const ticket& leave) {
    xml::judge(domain, {rows, cpu});
    if (xml::only(domain, "name") != leave.vm.text || xml::only(domain, "uuid") != leave.vm_uuid) {
        throw refusal{"foreign_domain", "the XML names another domain"};
    }
    // The emulator is the one thing that must be said: libvirt would else choose one by itself.
    xml::only(domain.child("devices"), "emulator");
}

}  // namespace caravan::gate
