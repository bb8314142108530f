// vm_spec: what a VM is, apart from where it runs. It crosses to other clouds, so every word in it is
// the guest's own: no host, path, bridge or address of a cloud. The receiving cloud builds its own
// domain from it and believes nothing else.
#pragma once

#include <string>
#include <vector>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan {

struct disk_spec {
    std::string target;       // guest device: "vda"
    bytes capacity = 0;       // virtual size
    std::string base_digest;  // "sha256:…" of the base image under the overlay; empty: none
    bytes overlay = 0;        // allocated in the overlay (CoW size), as of the last look
    friend bool operator==(const disk_spec&, const disk_spec&) = default;
};

struct nic_spec {
    std::string mac;  // "52:54:00:09:00:0b"
    van_name van;     // the virtual network it is plugged into
    friend bool operator==(const nic_spec&, const nic_spec&) = default;
};

struct vm_spec {
    vm_name name;
    std::string uuid;    // the guest's own, as in its SMBIOS
    bytes memory = 0;
    std::uint32_t vcpus = 0;
    std::string machine;    // "pc-i440fx-7.2"
    std::string cpu_model;  // "qemu64"
    std::vector<disk_spec> disks;
    std::vector<nic_spec> nics;
    // libvirt domain XML with every inside word made neutral (adapters/libvirt/domain_xml.hpp says
    // which): what the receiving cloud checks against this spec and then rebuilds as its own.
    std::string neutral_xml;
    friend bool operator==(const vm_spec&, const vm_spec&) = default;
};

template <class F>
void describe(F& f, disk_spec& x) {
    f.field("target", x.target, "guest device name");
    f.field("capacity", x.capacity, "virtual size, bytes");
    f.field("base_digest", x.base_digest, "digest of the base image, empty if none");
    f.field("overlay", x.overlay, "allocated in the overlay, bytes");
}
template <class F>
void describe(F& f, nic_spec& x) {
    f.field("mac", x.mac, "MAC address");
    f.field("van", x.van, "virtual network");
}
template <class F>
void describe(F& f, vm_spec& x) {
    f.field("name", x.name, "VM");
    f.field("uuid", x.uuid, "the guest's UUID");
    f.field("memory", x.memory, "bytes");
    f.field("vcpus", x.vcpus, "count");
    f.field("machine", x.machine, "libvirt machine type");
    f.field("cpu_model", x.cpu_model, "libvirt CPU model");
    f.field("disks", x.disks, "disks");
    f.field("nics", x.nics, "network interfaces");
    f.field("neutral_xml", x.neutral_xml, "domain XML with neutral names only");
}

}  // namespace caravan
