#include "adapters/sim/guest.hpp"

#include <cstdio>

namespace caravan::sim {

namespace {

std::string formatted(const char* format, unsigned high, unsigned low) {
    char text[64];
    const auto size = std::snprintf(text, sizeof text, format, high, low);
    return {text, static_cast<std::size_t>(size)};
}

std::string neutral_xml_of(const vm_spec& vm) {
    return "<domain type='qemu'><name>" + vm.name.text + "</name><uuid>" + vm.uuid +
           "</uuid><memory unit='b'>" + std::to_string(vm.memory) +
           "</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='" + vm.machine +
           "'>hvm</type></os><cpu mode='custom' match='exact'><model>" + vm.cpu_model +
           "</model></cpu><devices><disk type='file' device='disk'><driver name='qemu' "
           "type='qcow2'/>"
           "<source file='/neutral/vda'/><target dev='vda' bus='virtio'/></disk><interface "
           "type='bridge'>"
           "<mac address='" +
           vm.nics[0].mac +
           "'/><source bridge='neutral'/><model type='virtio'/>"
           "</interface><console type='file'><source "
           "path='/neutral/console'/></console></devices></domain>";
}

}  // namespace

vm_spec spec_of(const guest& g) {
    vm_spec vm;
    vm.name = vm_name(g.name);
    vm.uuid = formatted("00000000-0000-4000-8000-00000000%02x%02x", g.number >> 8, g.number & 255);
    vm.memory = g.memory;
    vm.vcpus = 1;
    vm.machine = "pc-i440fx-7.2";
    vm.cpu_model = "qemu64";
    vm.disks = {{"vda", bytes{1} << 30, base_digest, g.overlay}};
    vm.nics = {
        {formatted("52:54:00:00:%02x:%02x", g.number >> 8, g.number & 255), van_name(g.van)}};
    vm.neutral_xml = neutral_xml_of(vm);
    return vm;
}

port::host_description host_for_guests(bytes memory) {
    return {memory, 64, {"pc-i440fx-7.2"}, {"qemu64"}, {base_digest}, bytes{4} << 40};
}

}  // namespace caravan::sim
