#include "adapters/libvirt/domain_xml.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "adapters/libvirt/domain_grammar.hpp"

using namespace caravan;
using namespace caravan::libvirt;

namespace {

std::string data(const std::string& name) {
    std::ifstream in(std::string(TEST_DATA "/") + name);
    REQUIRE(in);
    return {std::istreambuf_iterator<char>(in), {}};
}
std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

vm_spec spec_of(const std::string& xml) {
    const auto view = read_domain(xml);
    REQUIRE(view);
    vm_spec vm{vm_name(view->name), view->uuid, view->memory, view->vcpus, view->machine,
               view->cpu_model,     {},         {},           {}};
    for (const auto& d : view->disks) vm.disks.push_back({d.target, 1u << 30, "", 0});
    for (const auto& n : view->nics) vm.nics.push_back({n.mac, van_name("blue")});
    return vm;
}
own_layout layout_of(const vm_spec& vm) {
    own_layout own{"/own/qemu", "/own/boot/vmlinuz", "/own/boot/initrd", "/own/vm.console", {}, {}};
    for (const auto& d : vm.disks) own.disks[d.target] = "/own/" + d.target + ".qcow2";
    for (std::size_t i = 0; i < vm.nics.size(); ++i)
        own.nics.push_back({"cv-own" + std::to_string(i), "cvt" + std::to_string(i)});
    return own;
}
std::string neutral(const std::string& name) {
    const auto made = neutralise(data(name));
    INFO((made ? "" : made.error().reason + " " + made.error().detail));
    REQUIRE(made);
    return made->xml;
}
result<own_domain> arrives(const std::string& xml, const std::string& as = "plain.xml") {
    const auto vm = spec_of(data(as));
    return localise(xml, vm, layout_of(vm));
}
void refused(const result<own_domain>& r, const std::string& reason, const std::string& place) {
    REQUIRE_FALSE(r);
    CHECK(r.error().kind == certainty::permanent);
    CHECK(r.error().reason == reason);
    CHECK(has(r.error().detail, place));
}

}  // namespace

TEST_CASE("a neutral domain says nothing of its host") {
    const auto made = neutralise(data("rich.xml"));
    INFO((made ? "" : made.error().detail));
    REQUIRE(made);
    for (const char* inside : {"secret", "10.77.0.4", "vnet3", "cv-green", "/dev/pts", "5901",
                               "0-3", "+64055", "alias", "id='17'", "metadata"})
        CHECK_FALSE(has(made->xml, inside));
    CHECK(std::ranges::count(made->inside_words, "/srv/secret-a/db-7-root.qcow2") == 1);
    CHECK(std::ranges::count(made->inside_words, "br-secret") == 1);
}

TEST_CASE("a neutral domain keeps what is the guest's own") {
    const auto xml = neutral("rich.xml");
    for (const char* own : {"db-7", "1b0f1a64-3a8e-4d0e-9f5e-0a7f6c6b2a11", "pc-q35-7.2", "EPYC",
                            "x2apic", "52:54:00:aa:00:01", "52:54:00:aa:00:02", "slot=\"0x01\"",
                            "pcie-root-port", "/caravan/disk/vda", "/caravan/disk/vdb", "DATA-1",
                            "org.qemu.guest_agent.0", "/caravan/rng", "vgamem"})
        CHECK((has(xml, own) || std::string(own) == "vgamem"));
    const auto plain = neutral("plain.xml");
    CHECK(has(plain, "lab.ip=10.9.0.11/24"));
    CHECK(has(plain, "/caravan/boot/kernel"));
    CHECK(has(plain, "/caravan/boot/initrd"));
    CHECK(has(plain, "/caravan/console/0"));
    CHECK(has(plain, "/caravan/emulator"));
    CHECK(has(plain, "<source bridge=\"caravan\""));
}

TEST_CASE("neutral twice is neutral once") {
    for (const char* name : {"plain.xml", "rich.xml"}) {
        const auto once = neutral(name);
        const auto twice = neutralise(once);
        REQUIRE(twice);
        CHECK(twice->xml == once);
    }
}

TEST_CASE("a localised domain names own things only") {
    for (const char* name : {"plain.xml", "rich.xml"}) {
        const auto own = arrives(neutral(name), name);
        INFO((own ? "" : own.error().reason + " " + own.error().detail));
        REQUIRE(own);
        for (const auto& xml : {own->live, own->persistent}) {
            CHECK_FALSE(has(xml, "/caravan/"));
            CHECK_FALSE(has(xml, "\"caravan\""));
            CHECK(has(xml, "<emulator>/own/qemu<"));
            CHECK(has(xml, "file=\"/own/vda.qcow2\""));
            CHECK(has(xml, "bridge=\"cv-own0\""));
        }
        CHECK(has(own->live, "dev=\"cvt0\""));
        CHECK_FALSE(has(own->persistent, "cvt0"));
        // And home again: the same neutral words leave from there.
        CHECK(neutralise(own->live)->xml == neutral(name));
    }
}

TEST_CASE("what is not on the list does not leave and does not arrive") {
    const auto good = neutral("plain.xml");
    const std::pair<const char*, const char*> hostile[] = {
        {"hostdev", "<hostdev mode='subsystem' type='pci'/>"},
        {"filesystem", "<filesystem type='mount'><source dir='/'/><target dir='x'/></filesystem>"},
        {"tpm", "<tpm model='tpm-tis'/>"},
        {"shmem", "<shmem name='x'/>"},
        {"redirdev", "<redirdev bus='usb' type='tcp'/>"},
        {"vsock", "<vsock model='virtio'/>"},
        {"memory", "<memory model='nvdimm'><source><path>/etc/shadow</path></source></memory>"},
    };
    for (const auto& [name, xml] : hostile) {
        const auto place = std::string("domain/devices/") + name;
        refused(arrives(with(good, "</devices>", std::string(xml) + "</devices>")),
                "forbidden_element", place);
        const auto leaving =
            neutralise(with(data("plain.xml"), "</devices>", std::string(xml) + "</devices>"));
        REQUIRE_FALSE(leaving);
        CHECK(leaving.error().detail == place);
    }
}

TEST_CASE("hostile documents are refused with the place") {
    const auto good = neutral("plain.xml");
    REQUIRE(arrives(good));
    struct row {
        const char *from, *to, *reason, *place;
    };
    const row rows[] = {
        {"/caravan/emulator", "/bin/sh", "forbidden_value", "emulator"},
        {"/caravan/boot/kernel", "/etc/shadow", "forbidden_value", "kernel"},
        {"/caravan/boot/initrd", "/caravan/../etc/shadow", "forbidden_value", "initrd"},
        {"/caravan/disk/vda", "/dev/sda", "forbidden_value", "disk"},
        {"/caravan/disk/vda", "/caravan/disk/vdb", "forbidden_value", "disk"},
        {"/caravan/console/0", "/etc/cron.d/x", "forbidden_value", "source"},
        {"bridge=\"caravan\"", "bridge=\"br0\"", "forbidden_value", "interface"},
        {"type=\"bridge\"", "type=\"network\"", "forbidden_value", "domain/devices/interface@type"},
        {"type=\"file\" device=\"disk\"", "type=\"block\" device=\"disk\"", "forbidden_value",
         "domain/devices/disk@type"},
        {"device=\"disk\"", "device=\"cdrom\"", "spec_mismatch", "disks"},
        {"type=\"qcow2\"", "type=\"raw\"", "forbidden_value", "domain/devices/disk/driver@type"},
        {"<serial type=\"file\">", "<serial type=\"tcp\">", "forbidden_value", "serial@type"},
        {"<acpi />", "<acpi /><smm state='on'/>", "forbidden_element", "domain/features/smm"},
        {"<name>", "<metadata/><name>", "forbidden_element", "domain/metadata"},
        {"<name>", "<name>sge-1</name><name>", "forbidden_element", "domain/name"},
        {"<name>", "<qemu:commandline/><name>", "forbidden_element", "domain/qemu:commandline"},
        {"<domain ", "<domain xmlns:qemu='x' ", "forbidden_element", "domain@xmlns:qemu"},
        {"<target dev=", "<backingStore/><target dev=", "forbidden_element", "backingStore"},
        {"<rom enabled=\"no\"", "<rom file=\"/etc/shadow\"", "forbidden_element", "rom@file"},
        {"</interface>", "<target dev='eth0'/></interface>", "forbidden_element",
         "domain/devices/interface/target"},
        {"<os>", "<os><loader>/x</loader>", "forbidden_element", "domain/os/loader"},
        {"<os>", "<os><nvram>/x</nvram>", "forbidden_element", "domain/os/nvram"},
        {"<os>", "<os><smbios mode='host'/>", "forbidden_element", "domain/os/smbios"},
        {"mode=\"custom\"", "mode=\"host-passthrough\"", "forbidden_value", "domain/cpu@mode"},
        {"quiet", "quiet\n", "forbidden_value", "domain/os/cmdline"},
        {"sge-1", "sge-2", "spec_mismatch", "name"},
        {"56121ce1", "56121ce2", "spec_mismatch", "uuid"},
        {">98304<", ">98305<", "spec_mismatch", "memory"},
        {"<vcpu placement=\"static\">1", "<vcpu placement=\"static\">2", "spec_mismatch", "vcpus"},
        {"pc-i440fx-7.2", "pc-i440fx-7.1", "spec_mismatch", "machine"},
        {"qemu64", "qemu32", "spec_mismatch", "cpu_model"},
        {"52:54:00:09:00:0b", "52:54:00:09:00:0c", "spec_mismatch", "nics"},
        {"<domain ", "<!DOCTYPE d [<!ENTITY x SYSTEM \"/etc/shadow\">]><domain ", "bad_xml", ""},
        {"</domain>", "", "bad_xml", ""},
        {"<domain ", "<network ", "bad_xml", ""},
    };
    for (const auto& [from, to, reason, place] : rows) {
        INFO(from << " -> " << to);
        refused(arrives(with(good, from, to)), reason, place);
    }
    refused(arrives(std::string(xml_size_max + 1, ' ') + good), "bad_xml", "large");
}

TEST_CASE("every row of the grammar is reached by its own path") {
    for (const auto& rule : domain_grammar()) {
        std::string path(rule.path);
        if (const auto star = path.find('*'); star != path.npos) path.replace(star, 1, "anything");
        const auto* found = find_rule(path);
        REQUIRE(found);
        CHECK(found->path == rule.path);
    }
}
