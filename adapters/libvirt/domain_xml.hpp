// Domain XML between clouds. Pure: text in, text out.
//
//   own XML at A ── neutralise ──> neutral XML ══ crosses ══> localise ──> own XML at B
//
// The neutral convention (the gates judge by the same): every path is under /caravan/
//   /caravan/emulator  /caravan/boot/kernel  /caravan/boot/initrd  /caravan/rng
//   /caravan/disk/TARGET  /caravan/console/PORT
// every bridge is named "caravan"; no tap, title, description, metadata, security label, password,
// backing store, alias or host resource is said. Kernel arguments, MACs, PCI addresses, controllers
// are the guest's own and stay: libvirt refuses a copy whose ABI differs (error 67).
//
// Both directions rebuild the document by the allow-list of domain_grammar.hpp. Failures,
// permanent:
//   "bad_xml"            not well-formed, a DTD, larger than xml_size_max
//   "forbidden_element"  an element or attribute that is not on the list, or is there twice
//   "forbidden_value"    a value that is not allowed there
//   "spec_mismatch"      the XML is not of the VM that the specification names
// Their detail names the place: "domain/devices/hostdev".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "events/result.hpp"
#include "events/vm_spec.hpp"

namespace caravan::libvirt {

inline constexpr std::size_t xml_size_max = 256u << 10;  // bytes

// What a domain's XML says, own or neutral.
struct domain_view {
    struct disk {
        std::string target, file;
    };
    struct nic {
        std::string mac, bridge;
    };
    std::string name, uuid, machine, cpu_model;
    bytes memory = 0;
    std::uint32_t vcpus = 0;
    std::vector<disk> disks;  // of device='disk'
    std::vector<nic> nics;
    std::string console;  // file of the first serial console; empty: none
    std::string kernel;   // empty: boots from its disk
};
result<domain_view> read_domain(const std::string& xml);

struct neutral_domain {
    std::string xml;
    std::vector<std::string> inside_words;  // what was taken out: paths, bridges. For tripwires
};
// `migratable` as of virDomainGetXMLDesc(VIR_DOMAIN_XML_MIGRATABLE), with or without INACTIVE.
result<neutral_domain> neutralise(const std::string& migratable);

// The own names for one VM on one host.
struct own_layout {
    std::string emulator, kernel, initrd, console;  // paths
    std::map<std::string, std::string> disks;       // target → path
    struct port {
        std::string bridge, tap;
    };
    std::vector<port> nics;  // one for each of the specification's
};
// What libvirt here is given in place of what the peer sent: the live form (with tap names) and the
// persistent one, in which libvirt names taps itself.
struct own_domain {
    std::string live, persistent;
};
result<own_domain> localise(const std::string& neutral, const vm_spec&, const own_layout&);

}  // namespace caravan::libvirt
