// Each way to misuse the control stream, and the name under which the gate refuses it. An honest
// migration runs up to one frame; that frame is spoilt; nothing of it may come out.
#include <catch2/catch.hpp>

#include "adapters/channel/gate/rules.hpp"
#include "adapters/channel/gate/xml.hpp"
#include "tests/unit/gate/scene.hpp"

using namespace scene;

namespace {

struct trick {
    const char* what;
    place at;
    direction way;
    std::int32_t procedure;  // the first frame of this way and procedure is spoilt
    spoil how;
    const char* reason;
};

template <class M>
spoil change(std::function<void(M&)> f) {
    return [=](const said& s) { return edit<M>(s.frame, f); };
}
spoil head(std::function<void(header&)> f) {
    return [=](const said& s) { return with_head(s.frame, f); };
}
spoil prepare(std::function<void(prepare_call&)> f) {
    return change<prepare_call>(std::move(f));
}
spoil flags(std::uint32_t wanted) {
    return prepare([=](prepare_call& m) { m.flags = wanted; });
}
spoil param(std::string field, std::string value) {
    return prepare([=](prepare_call& m) {
        for (auto& p : m.params) {
            if (p.field == field) p.text = value;
        }
    });
}
spoil added(typed_param extra) {
    return prepare([=](prepare_call& m) { m.params.push_back(extra); });
}
spoil without(std::string field) {
    return prepare([=](prepare_call& m) {
        std::erase_if(m.params, [&](const typed_param& p) { return p.field == field; });
    });
}
typed_param text_param(std::string field, std::string value) {
    return {std::move(field), typed_param::text_kind, 0, std::move(value)};
}
spoil device(const std::string& xml) {
    return in_xml("<devices>", "<devices>" + xml);
}
// At byte `at` of the body, counted from its end if negative.
spoil byte(int at, char value) {
    return [=](const said& s) {
        auto frame = s.frame;
        frame[at < 0 ? frame.size() + at : header_size + at] = value;
        return frame;
    };
}
std::string nested(int depth) {
    std::string out;
    for (int i = 0; i < depth; ++i) out += "<a>";
    for (int i = 0; i < depth; ++i) out += "</a>";
    return out;
}

constexpr auto b = place::destination, a = place::source;
constexpr auto call = direction::call, reply = direction::reply;
const auto good = exact_flags(false);

const std::vector<trick>& from_a_hostile_source() {
    static const std::vector<trick> tricks = {
        // clang-format off
        {"another driver is opened", b, call, 1, change<open_call>([](open_call& m) { m.uri = "test:///default"; }), "wrong_open"},
        {"another socket is opened", b, call, 1, change<open_call>([](open_call& m) { m.uri = "qemu+ssh://x/system"; }), "wrong_open"},
        {"no URI", b, call, 1, change<open_call>([](open_call& m) { m.uri.reset(); }), "wrong_open"},
        {"read-only open", b, call, 1, change<open_call>([](open_call& m) { m.flags = 1; }), "wrong_open"},
        {"unknown feature asked for", b, call, 60, change<feature_call>([](feature_call& m) { m.feature = 99; }), "wrong_parameter"},

        {"PAUSED dropped", b, call, 303, flags(good & ~32u), "wrong_flags"},
        {"synchronous writes dropped", b, call, 303, flags(good & ~0x40000u), "wrong_flags"},
        {"PERSIST_DEST dropped", b, call, 303, flags(good & ~8u), "wrong_flags"},
        {"whole disk instead of the overlay", b, call, 303, flags(exact_flags(true)), "wrong_flags"},
        {"post-copy added", b, call, 303, flags(good | 0x8000u), "wrong_flags"},
        {"offline added", b, call, 303, flags(good | 0x400u), "wrong_flags"},
        {"PAUSED dropped at Finish", b, call, 306, change<finish_call>([](finish_call& m) { m.flags &= ~32u; }), "wrong_flags"},

        {"another memory socket", b, call, 303, param("migrate_uri", "unix:///caravan/other-mem.sock"), "wrong_uri"},
        {"libvirt's own socket as target", b, call, 303, param("migrate_uri", "unix:///run/libvirt/libvirt-sock"), "wrong_uri"},
        {"memory over TCP", b, call, 303, param("migrate_uri", "tcp://0.0.0.0:49152"), "wrong_uri"},
        {"disks over TCP", b, call, 303, param("disks_uri", "tcp://0.0.0.0:49152"), "wrong_uri"},
        {"two memory sockets", b, call, 303, added(text_param("migrate_uri", "unix:///x")), "wrong_parameter"},
        {"no memory socket", b, call, 303, without("migrate_uri"), "wrong_parameter"},
        {"no disk socket", b, call, 303, without("disks_uri"), "wrong_parameter"},
        {"a number where the socket is", b, call, 303, prepare([](prepare_call& m) { for (auto& p : m.params) if (p.field == "migrate_uri") p.kind = typed_param::number_kind; }), "wrong_parameter"},
        {"one more disk", b, call, 303, added(text_param("migrate_disks", "vdb")), "wrong_disks"},
        {"the same disk twice", b, call, 303, added(text_param("migrate_disks", "vda")), "wrong_disks"},
        {"another disk", b, call, 303, param("migrate_disks", "vdb"), "wrong_disks"},
        {"no disk", b, call, 303, without("migrate_disks"), "wrong_disks"},
        {"another disk in the cookie", b, call, 303, in_cookie("target=\"vda\"", "target=\"vdb\""), "wrong_disks"},
        {"a listen address", b, call, 303, added(text_param("listen_address", "0.0.0.0")), "wrong_parameter"},
        {"a TLS destination", b, call, 303, added(text_param("tls.destination", "x")), "wrong_parameter"},
        {"65 parameters", b, call, 303, prepare([](prepare_call& m) { m.params.resize(65, text_param("migrate_disks", "vda")); }), "too_large"},
        {"a parameter of another kind", b, call, 303, [](const said& s) { auto f = s.frame; f[header_size + 4 + 4 + 16 + 3] = 1; return f; }, "wrong_parameter"},

        {"another domain's name as destination", b, call, 303, added(text_param("destination_name", "vm2")), "foreign_domain"},
        {"another domain at Finish", b, call, 306, change<finish_call>([](finish_call& m) { for (auto& p : m.params) if (p.field == "destination_name") p.text = "vm2"; }), "foreign_domain"},
        {"no name at Finish", b, call, 306, change<finish_call>([](finish_call& m) { std::erase_if(m.params, [](const auto& p) { return p.field == "destination_name"; }); }), "wrong_parameter"},
        {"another name in the XML", b, call, 303, in_xml("<name>vm1<", "<name>vm2<"), "foreign_domain"},
        {"two names in the XML", b, call, 303, in_xml("<name>vm1</name>", "<name>vm1</name><name>vm2</name>"), "foreign_domain"},
        {"another UUID in the XML", b, call, 303, in_xml(vm_uuid, "5e9c1a52-7d1f-4c37-9a46-2b0f6f1d9c02"), "foreign_domain"},
        {"another name in the cookie", b, call, 303, in_cookie("<name>vm1<", "<name>vm2<"), "foreign_domain"},
        {"another UUID in the cookie", b, call, 303, in_cookie(vm_uuid, "5e9c1a52-7d1f-4c37-9a46-2b0f6f1d9c02"), "foreign_domain"},
        {"another UUID in the persistent XML", b, call, 306, in_cookie(std::string("<domain type=\"qemu\"><name>vm1</name><uuid>") + vm_uuid, "<domain type=\"qemu\"><name>vm1</name><uuid>5e9c1a52-7d1f-4c37-9a46-2b0f6f1d9c02"), "foreign_domain"},
        {"another name in the persistent XML", b, call, 306, in_cookie("<domain type=\"qemu\"><name>vm1<", "<domain type=\"qemu\"><name>vm2<"), "foreign_domain"},
        {"two persistent domains", b, call, 306, in_cookie("</qemu-migration>", "<domain type='qemu'/></qemu-migration>"), "foreign_domain"},
        {"no persistent XML", b, call, 306, in_cookie("domain", "domains"), "forbidden_element"},
        {"the live cookie at Finish: no persistent XML", b, call, 306, change<finish_call>([](finish_call& m) { auto& c = m.cookie.bytes; const auto from = c.find("<domain "), to = c.find("</domain>") + 9; c.erase(from, to - from); }), "no_persistent_xml"},
        {"no cookie at Finish", b, call, 306, change<finish_call>([](finish_call& m) { m.cookie.bytes.clear(); }), "no_persistent_xml"},
        {"half cancelled", b, call, 306, change<finish_call>([](finish_call& m) { m.cancelled = 2; }), "wrong_parameter"},

        {"an emulator of its choice", b, call, 303, in_xml("/caravan/emulator", "/bin/sh"), "forbidden_value"},
        {"an emulator of its choice, kept for the next start", b, call, 306, in_cookie("/caravan/emulator", "/bin/sh"), "forbidden_value"},
        {"an emulator by the back stairs", b, call, 303, in_xml("/caravan/emulator", "/caravan/../bin/sh"), "forbidden_value"},
        {"no emulator", b, call, 303, in_xml("<emulator>/caravan/emulator</emulator>", ""), "foreign_domain"},
        {"the host's password file as initrd", b, call, 303, in_xml("/caravan/boot/initrd", "/etc/shadow"), "forbidden_value"},
        {"another cloud's disk", b, call, 303, in_xml("/caravan/disk/vda", "/var/lib/libvirt/images/vm2.qcow2"), "forbidden_value"},
        {"a block device", b, call, 303, in_xml("type=\"file\" device=\"disk\"", "type=\"block\" device=\"disk\""), "forbidden_value"},
        {"a disk over the network", b, call, 303, in_xml("type=\"file\" device=\"disk\"", "type=\"network\" device=\"disk\""), "forbidden_value"},
        {"a backing file", b, call, 303, in_xml("<target dev=\"vda\"", "<backingStore type='file'><source file='/etc/shadow'/></backingStore><target dev=\"vda\""), "forbidden_element"},
        {"another bridge", b, call, 303, in_xml("bridge=\"caravan\"", "bridge=\"br-guest\""), "forbidden_value"},
        {"the host's network card", b, call, 303, in_xml("<interface type=\"bridge\">", "<interface type=\"direct\">"), "forbidden_value"},
        {"a script for the card", b, call, 303, in_xml("<source bridge=\"caravan\"/>", "<source bridge=\"caravan\"/><script path='/caravan/x'/>"), "forbidden_element"},
        {"a host device", b, call, 303, device("<hostdev mode='subsystem' type='pci'/>"), "forbidden_element"},
        {"a host folder", b, call, 303, device("<filesystem type='mount'><source dir='/'/><target dir='x'/></filesystem>"), "forbidden_element"},
        {"a screen that listens", b, call, 303, device("<graphics type='vnc' port='5900' listen='0.0.0.0'/>"), "forbidden_element"},
        {"shared memory", b, call, 303, device("<shmem name='x'/>"), "forbidden_element"},
        {"a TPM", b, call, 303, device("<tpm model='tpm-tis'/>"), "forbidden_element"},
        {"a redirected device", b, call, 303, device("<redirdev bus='usb' type='tcp'/>"), "forbidden_element"},
        {"a serial port over TCP", b, call, 303, device("<serial type='tcp'><source mode='bind' host='0.0.0.0' service='1'/></serial>"), "forbidden_value"},
        {"a lease", b, call, 303, device("<lease/>"), "forbidden_element"},
        {"a firmware of its choice", b, call, 303, in_xml("<kernel>", "<loader>/caravan/x</loader><kernel>"), "forbidden_element"},
        {"the host's DMI", b, call, 303, in_xml("<kernel>", "<smbios mode='host'/><kernel>"), "forbidden_element"},
        {"metadata", b, call, 303, in_xml("<devices>", "<metadata><x>y</x></metadata><devices>"), "forbidden_element"},
        {"a title", b, call, 303, in_xml("<devices>", "<title>rack 7</title><devices>"), "forbidden_element"},
        {"a security label", b, call, 303, in_xml("<devices>", "<seclabel type='none'/><devices>"), "forbidden_element"},
        {"a resource partition", b, call, 303, in_xml("<devices>", "<resource><partition>/machine</partition></resource><devices>"), "forbidden_element"},
        {"pinning to host CPUs", b, call, 303, in_xml("<vcpu placement=\"static\">", "<vcpu placement=\"static\" cpuset=\"0-3\">"), "forbidden_value"},
        {"the host's CPU", b, call, 303, in_xml("<cpu mode=\"custom\"", "<cpu mode=\"host-passthrough\""), "forbidden_value"},
        {"QEMU's own command line", b, call, 303, in_xml("<devices>", "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-snapshot'/></qemu:commandline><devices>"), "forbidden_element"},
        {"the same by a default namespace", b, call, 303, in_xml("<devices>", "<devices xmlns='http://libvirt.org/schemas/domain/qemu/1.0'>"), "forbidden_value"},
        {"a slash hidden in an escape", b, call, 303, in_xml("/caravan/emulator", "&#x2f;bin&#47;sh"), "forbidden_value"},
        {"a DTD", b, call, 303, in_xml("<domain ", "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain "), "forbidden_element"},
        {"a DTD in the cookie", b, call, 303, in_cookie("<qemu-migration>", "<!DOCTYPE d><qemu-migration>"), "forbidden_element"},
        {"an entity", b, call, 303, in_xml("<name>vm1<", "<name>&e;<"), "forbidden_value"},
        {"CDATA", b, call, 303, in_xml("<name>vm1<", "<name><![CDATA[vm1]]><"), "forbidden_element"},
        {"a comment", b, call, 303, in_xml("<devices>", "<!-- x --><devices>"), "forbidden_element"},
        {"an instruction", b, call, 303, in_xml("<devices>", "<?x y?><devices>"), "forbidden_element"},
        {"two roots", b, call, 303, in_xml("</domain>", "</domain><domain/>"), "forbidden_element"},
        {"another root", b, call, 303, in_xml("domain", "domains"), "forbidden_element"},
        {"no XML", b, call, 303, param("destination_xml", "vm1"), "forbidden_element"},
        {"empty XML", b, call, 303, param("destination_xml", ""), "forbidden_element"},
        {"two XMLs", b, call, 303, added(text_param("destination_xml", "<domain/>")), "wrong_parameter"},
        {"XML without end", b, call, 303, param("destination_xml", "<domain type='qemu'>"), "forbidden_element"},
        {"very deep XML", b, call, 303, param("destination_xml", nested(30'000)), "too_large"},
        {"very long XML", b, call, 303, param("destination_xml", "<domain>" + std::string(xml::size_max, ' ') + "</domain>"), "too_large"},
        {"XML in another alphabet", b, call, 303, in_xml("<name>vm1<", "<name>vm\xc3\xa4<"), "forbidden_value"},

        {"a cookie without its NUL", b, call, 303, prepare([](prepare_call& m) { m.cookie.bytes.pop_back(); }), "not_canonical"},
        {"a cookie with two", b, call, 303, prepare([](prepare_call& m) { m.cookie.bytes.push_back('\0'); }), "not_canonical"},
        {"an unknown part of a cookie", b, call, 303, in_cookie("<capabilities>", "<network/><capabilities>"), "forbidden_element"},
        {"a lock manager's leases", b, call, 303, in_cookie("<capabilities>", "<lockstate driver='x'><leases>y</leases></lockstate><capabilities>"), "forbidden_element"},
        {"a domain too early", b, call, 303, in_cookie("<capabilities>", "<domain/><capabilities>"), "forbidden_element"},
        {"text between a cookie's parts", b, call, 303, in_cookie("<capabilities>", "x<capabilities>"), "forbidden_element"},
        {"no host name to replace", b, call, 303, in_cookie("<hostname>-</hostname>", ""), "foreign_domain"},
        {"an NBD port", b, call, 303, in_cookie("<nbd>", "<nbd port=\"49152\">"), "forbidden_value"},
        {"a word as a time", b, call, 306, in_cookie("<sent>", "<sent>a"), "forbidden_value"},
        {"a time out of range", b, call, 306, in_cookie("<sent>", "<sent>99999999"), "forbidden_value"},

        {"a stream", b, call, 303, head([](header& h) { h.type = 3; }), "procedure_refused"},
        {"a call with file descriptors", b, call, 303, head([](header& h) { h.type = 4; }), "procedure_refused"},
        {"an event", b, call, 60, head([](header& h) { h.type = 2; }), "procedure_refused"},
        {"a reply from the caller", b, call, 60, head([](header& h) { h.type = 1; }), "procedure_refused"},
        {"a call that failed", b, call, 60, head([](header& h) { h.outcome = 1; }), "procedure_refused"},
        {"the QEMU program", b, call, 1, head([](header& h) { h.program = 0x20008087; }), "procedure_refused"},
        {"the admin program", b, call, 1, head([](header& h) { h.program = 0x06900690; }), "procedure_refused"},
        {"another version", b, call, 1, head([](header& h) { h.version = 2; }), "procedure_refused"},
        {"a negative procedure", b, call, 1, head([](header& h) { h.procedure = -1; }), "procedure_refused"},
        {"a frame shorter than its header", b, call, 1, head([](header& h) { h.length = 27; }), "not_canonical"},
        {"a frame of no length", b, call, 1, head([](header& h) { h.length = 0; }), "not_canonical"},
        {"a frame of 4 GiB", b, call, 1, head([](header& h) { h.length = 0xffffffff; }), "too_large"},
        {"a frame of 4 MiB and a byte", b, call, 1, head([](header& h) { h.length = frame_size_max + 1; }), "too_large"},
        {"bytes after the end", b, call, 1, [](const said& s) { return with_head(s.frame + std::string(4, '\0'), [](header& h) { h.length += 4; }); }, "not_canonical"},
        {"an end too early", b, call, 1, [](const said& s) { return with_head(s.frame.substr(0, s.frame.size() - 4), [](header& h) { h.length -= 4; }); }, "not_canonical"},
        {"padding that says something", b, call, 1, byte(-5, 'x'), "not_canonical"},
        {"an optional flag of 2", b, call, 1, byte(3, 2), "not_canonical"},
        {"a NUL in a string", b, call, 1, change<open_call>([](open_call& m) { m.uri = std::string("qemu:///system\0x", 16); }), "not_canonical"},
        {"a string longer than the frame", b, call, 1, byte(4, 0x7f), "not_canonical"},
        // clang-format on
    };
    return tricks;
}

const std::vector<trick>& from_a_hostile_destination() {
    static const std::vector<trick> tricks = {
        // clang-format off
        {"a reply that nobody asked for", a, reply, 60, head([](header& h) { h.serial += 7; }), "unasked_reply"},
        {"a reply to something else", a, reply, 60, head([](header& h) { h.procedure = 1; }), "unasked_reply"},
        {"an event", a, reply, 60, head([](header& h) { h.type = 2; }), "unasked_reply"},
        {"a call", a, reply, 60, head([](header& h) { h.type = 0; }), "unasked_reply"},
        {"a stream", a, reply, 60, head([](header& h) { h.type = 3; }), "unasked_reply"},
        {"a reply with file descriptors", a, reply, 60, head([](header& h) { h.type = 5; }), "unasked_reply"},
        {"a reply to be continued", a, reply, 60, head([](header& h) { h.outcome = 2; }), "unasked_reply"},
        {"a reply of another program", a, reply, 60, head([](header& h) { h.program = 0x20008087; }), "unasked_reply"},
        {"a reply of another version", a, reply, 60, head([](header& h) { h.version = 9; }), "unasked_reply"},
        {"a password wanted", a, reply, 66, change<auth_reply>([](auth_reply& m) { m.types = {1}; }), "forbidden_value"},
        {"no authentication offered", a, reply, 66, change<auth_reply>([](auth_reply& m) { m.types.clear(); }), "forbidden_value"},
        {"a feature of 2", a, reply, 60, change<feature_reply>([](feature_reply& m) { m.supported = 2; }), "forbidden_value"},
        {"an address to dial", a, reply, 303, change<prepare_reply>([](prepare_reply& m) { m.uri = "tcp://192.0.2.1:22"; }), "wrong_uri"},
        {"an NBD port to dial", a, reply, 303, in_cookie("<nbd>", "<nbd port=\"22\">"), "forbidden_value"},
        {"another disk", a, reply, 303, in_cookie("target=\"vda\"", "target=\"vdb\""), "wrong_disks"},
        {"another domain's cookie", a, reply, 303, in_cookie("<name>vm1<", "<name>vm2<"), "foreign_domain"},
        {"another domain finished", a, reply, 306, change<finish_reply>([](finish_reply& m) { m.domain.name = "vm2"; }), "foreign_domain"},
        {"another UUID finished", a, reply, 306, change<finish_reply>([](finish_reply& m) { m.domain.uuid[15] ^= 1; }), "foreign_domain"},
        {"a domain in a reply's cookie", a, reply, 306, in_cookie("<statistics>", "<domain type='qemu'/><statistics>"), "forbidden_element"},
        {"an error out of range", a, reply, 303, [](const said& s) { error_reply e; e.code = 1 << 20; return with_head(make_reply(303, head_of(s.frame).serial, e), [](header& h) { h.outcome = 1; }); }, "forbidden_value"},
        {"a frame of 4 GiB", a, reply, 60, head([](header& h) { h.length = 0xffffffff; }), "too_large"},
        // clang-format on
    };
    return tricks;
}

// What the gates at home must stop from leaving, or what a mistaken agent of our own would send.
const std::vector<trick>& from_our_own_libvirt() {
    static const std::vector<trick> tricks = {
        // clang-format off
        {"the source's own paths in the XML", a, call, 303, in_xml("/caravan/disk/vda", "/var/lib/libvirt/images/vm1.qcow2"), "forbidden_value"},
        {"the source's own paths in the persistent XML", a, call, 306, in_cookie("/caravan/disk/vda", "/var/lib/libvirt/images/vm1.qcow2"), "forbidden_value"},
        {"the source's bridge", a, call, 303, in_xml("'caravan'", "'br-guest'"), "forbidden_value"},
        {"no XML of the agent's", a, call, 303, without("destination_xml"), "wrong_parameter"},
        {"a socket that is not this job's", a, call, 303, param("migrate_uri", "unix:///var/lib/libvirt/qemu/other-mem.sock"), "wrong_uri"},
        {"PAUSED forgotten", a, call, 303, flags(good & ~32u), "wrong_flags"},
        {"the destination's address in the answer", b, reply, 303, change<prepare_reply>([](prepare_reply& m) { m.uri = "tcp://b1.inside.cloud-b.example:49152"; }), "wrong_uri"},
        {"a title in a cookie", b, reply, 306, in_cookie("<statistics>", "<title>b1</title><statistics>"), "forbidden_element"},
        // clang-format on
    };
    return tricks;
}

void play(const trick& t) {
    CAPTURE(t.what);
    gate g(t.at, policy_at(t.at));
    for (const said& s : arriving_at(t.at)) {
        if (s.way != t.way || head_of(s.frame).procedure != t.procedure) {
            REQUIRE_FALSE(g.take(s.way, s.frame).refused);
            continue;
        }
        const auto spoilt = t.how(s);
        const auto v = g.take(s.way, spoilt);
        REQUIRE(v.refused);
        CHECK(v.refused->reason == t.reason);
        CHECK(v.forward.empty());
        CHECK_FALSE(v.destination_ready);
        CHECK(v.answer.find(v.refused->detail.empty() ? "\x01never" : v.refused->detail) ==
              std::string::npos);
        // Shut for good: even the honest frame does not pass any more.
        const auto after = g.take(s.way, s.frame);
        CHECK(after.forward.empty());
        CHECK(after.refused == v.refused);
        return;
    }
    FAIL("the frame to spoil did not come");
}

}  // namespace

TEST_CASE("a hostile source is refused by name") {
    for (const trick& t : from_a_hostile_source()) play(t);
}
TEST_CASE("a hostile destination is refused by name") {
    for (const trick& t : from_a_hostile_destination()) play(t);
}
TEST_CASE("what must not leave our own cloud is refused by name") {
    for (const trick& t : from_our_own_libvirt()) play(t);
}
