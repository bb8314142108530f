#include "adapters/libvirt/domain_grammar.hpp"

#include <algorithm>

namespace caravan::libvirt {
namespace {

using enum element_rule::often;

constexpr element_rule rules[] = {
    {"domain", "type=qemu|kvm -id", "", once},
    {"domain/name", "", ".", once},
    {"domain/uuid", "", ".", once},
    {"domain/memory", "unit", ".", once},
    {"domain/currentMemory", "unit", ".", once},
    {"domain/vcpu", "placement=static|auto current -cpuset", ".", once},
    {"domain/iothreads", "", ".", once},
    {"domain/on_poweroff", "", ".", once},
    {"domain/on_reboot", "", ".", once},
    {"domain/on_crash", "", ".", once},
    // What a cloud says about a VM for itself.
    {"domain/title", "", "", left_out},
    {"domain/description", "", "", left_out},
    {"domain/metadata", "", "", left_out},
    {"domain/seclabel", "", "", left_out},
    {"domain/resource", "", "", left_out},
    {"domain/cputune", "", "", left_out},
    {"domain/memtune", "", "", left_out},
    {"domain/blkiotune", "", "", left_out},
    {"domain/numatune", "", "", left_out},

    {"domain/os", "", "", once},
    {"domain/os/type", "arch=x86_64 machine", "hvm", once},
    {"domain/os/kernel", "", "@kernel", once},
    {"domain/os/initrd", "", "@initrd", once},
    {"domain/os/cmdline", "", "~", once},
    {"domain/os/boot", "dev", "", many},
    {"domain/os/bootmenu", "enable timeout", "", once},
    {"domain/os/bios", "useserial rebootTimeout", "", once},

    {"domain/features", "", "", once},
    {"domain/features/acpi", "", "", once},
    {"domain/features/apic", "eoi", "", once},
    {"domain/features/pae", "", "", once},
    {"domain/features/hap", "state", "", once},
    {"domain/features/pmu", "state", "", once},
    {"domain/features/vmport", "state", "", once},
    {"domain/features/hyperv", "mode=custom", "", once},
    {"domain/features/hyperv/*", "state retries", "", once},
    {"domain/features/kvm", "", "", once},
    {"domain/features/kvm/*", "state", "", once},
    {"domain/cpu", "mode=custom match check migratable", "", once},
    {"domain/cpu/model", "fallback", ".", once},
    {"domain/cpu/vendor", "", ".", once},
    {"domain/cpu/topology", "sockets dies cores threads", "", once},
    {"domain/cpu/feature", "policy name", "", many},
    {"domain/clock", "offset=utc|localtime|variable adjustment basis", "", once},
    {"domain/clock/timer", "name tickpolicy present track frequency mode", "", many},
    {"domain/pm", "", "", once},
    {"domain/pm/suspend-to-mem", "enabled", "", once},
    {"domain/pm/suspend-to-disk", "enabled", "", once},

    {"domain/devices", "", "", once},
    {"domain/devices/emulator", "", "@emulator", once},
    {"domain/devices/*/alias", "", "", left_out},
    {"domain/devices/*/boot", "order", "", once},
    {"domain/devices/*/acpi", "index", "", once},
    {"domain/devices/*/address",
     "type domain bus slot function multifunction controller target unit port", "", once},

    {"domain/devices/disk", "type=file device=disk model snapshot", "", many},
    {"domain/devices/disk/driver",
     "name=qemu type=qcow2 cache discard io detect_zeroes queues iothread event_idx ioeventfd "
     "packed error_policy rerror_policy",
     "", once},
    {"domain/devices/disk/source", "file@disk -index", "", once},
    {"domain/devices/disk/target", "dev bus=virtio|ide|sata|scsi rotation_rate", "", once},
    {"domain/devices/disk/serial", "", ".", once},
    {"domain/devices/disk/wwn", "", ".", once},
    {"domain/devices/disk/backingStore", "", "", left_out},
    {"domain/devices/disk/mirror", "", "", left_out},
    {"domain/devices/disk/iotune", "", "", left_out},

    {"domain/devices/controller", "type index model ports vectors", "", many},
    {"domain/devices/controller/model", "name", "", once},
    {"domain/devices/controller/target", "chassis port chassisNr busNr hotplug", "", once},
    {"domain/devices/controller/driver", "queues cmd_per_lun max_sectors", "", once},
    {"domain/devices/controller/master", "startport", "", once},

    {"domain/devices/interface", "type=bridge", "", many},
    {"domain/devices/interface/mac", "address", "", once},
    {"domain/devices/interface/source", "bridge@bridge", "", once},
    {"domain/devices/interface/target", "", "", left_out},
    {"domain/devices/interface/bandwidth", "", "", left_out},
    {"domain/devices/interface/model", "type", "", once},
    {"domain/devices/interface/driver", "name queues rx_queue_size tx_queue_size", "", once},
    {"domain/devices/interface/rom", "enabled=no|yes bar", "", once},
    {"domain/devices/interface/mtu", "size", "", once},
    {"domain/devices/interface/link", "state", "", once},

    {"domain/devices/serial", "type=file|pty|null -tty", "", many},
    {"domain/devices/serial/source", "path@console append=on|off", "", once},
    {"domain/devices/serial/target", "type port", "", once},
    {"domain/devices/serial/target/model", "name", "", once},
    {"domain/devices/console", "type=file|pty|null -tty", "", many},
    {"domain/devices/console/source", "path@console append=on|off", "", once},
    {"domain/devices/console/target", "type port", "", once},
    {"domain/devices/channel", "type=unix", "", many},
    {"domain/devices/channel/source", "", "", left_out},  // libvirt makes the own one
    {"domain/devices/channel/target", "type=virtio name -state", "", once},

    {"domain/devices/input", "type=mouse|keyboard|tablet bus", "", many},
    // Where a display listens and its password belong to the cloud: libvirt's defaults at arrival.
    {"domain/devices/graphics",
     "type=vnc|spice -port -autoport -tlsPort -websocket -listen -socket -keymap -passwd "
     "-passwdValidTo -connected -sharePolicy -defaultMode -powerControl",
     "", many},
    {"domain/devices/graphics/*", "", "", left_out},
    {"domain/devices/video", "", "", many},
    {"domain/devices/video/model", "type ram vram vram64 vgamem heads primary", "", once},
    {"domain/devices/audio", "id type=none", "", many},
    {"domain/devices/sound", "model", "", many},
    {"domain/devices/memballoon", "model autodeflate freePageReporting", "", once},
    {"domain/devices/memballoon/stats", "period", "", once},
    {"domain/devices/rng", "model", "", many},
    {"domain/devices/rng/rate", "bytes period", "", once},
    {"domain/devices/rng/backend", "model=random", "@rng", once},
    {"domain/devices/watchdog", "model action", "", many},
    {"domain/devices/panic", "model", "", many},
};

std::string_view take_part(std::string_view& path) noexcept {
    const auto end = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return part;
}

bool matches(std::string_view pattern, std::string_view path) noexcept {
    while (!pattern.empty() && !path.empty()) {
        const auto wanted = take_part(pattern);
        const auto got = take_part(path);
        if (wanted != "*" && wanted != got) return false;
    }
    return pattern.empty() && path.empty();
}

}  // namespace

std::span<const element_rule> domain_grammar() noexcept {
    return rules;
}

const element_rule* find_rule(std::string_view path) noexcept {
    const auto* found =
        std::ranges::find_if(rules, [&](const element_rule& r) { return matches(r.path, path); });
    return found == std::end(rules) ? nullptr : found;
}

}  // namespace caravan::libvirt
