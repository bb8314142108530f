#include "tests/unit/gate/scene.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace scene {
namespace {

// What stands at the destination in place of the neutral names, as in the recorded runs.
std::string own_xml(std::string text) {
    const std::pair<const char*, const char*> names[] = {
        {"/caravan/disk/vda", "/var/lib/libvirt/images/secret-b/vm1.qcow2"},
        {"/caravan/console/0", "/var/lib/libvirt/images/secret-b/vm1.console"},
        {"/caravan/boot/kernel", "/var/lib/libvirt/boot/vmlinuz"},
        {"/caravan/boot/initrd", "/var/lib/libvirt/boot/initrd"},
        {"/caravan/emulator", "/var/lib/libvirt/boot/qemu-tcg"},
        {"bridge='caravan'", "bridge='br-guest'"}};
    for (const auto& [from, to] : names) replace(text, from, to);
    return text;
}

std::string neutral_xml() {
    for (const said& s : recorded("inc")) {
        if (head_of(s.frame).procedure != 303) continue;
        const auto call = std::get<prepare_call>(decode(prepare_call{}, body_of(s.frame)));
        for (const auto& p : call.params) {
            if (p.field == "destination_xml") return p.text;
        }
    }
    throw std::runtime_error("no destination_xml in the recording");
}

}  // namespace

std::string bytes_of(const std::string& data_file) {
    std::ifstream in(std::string(GATE_DATA) + "/" + data_file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    if (!in) throw std::runtime_error("cannot read " + data_file);
    return out.str();
}

talk split(std::string_view corpus) {
    talk out;
    while (corpus.size() > 5) {
        const auto way = corpus.front() == '>' ? direction::call : direction::reply;
        corpus.remove_prefix(1);
        std::uint32_t size = 0;
        xdr::reader(corpus.substr(0, 4))(size);
        const auto frame = corpus.substr(0, std::max<std::size_t>(size, 4));
        out.push_back({way, std::string(frame)});
        corpus.remove_prefix(frame.size());
    }
    return out;
}

talk recorded(const std::string& name) {
    return split(bytes_of(name + ".frames"));
}

policy policy_at(place where, bool whole_disk) {
    policy p;
    p.leave.id = caravan::migration_id{"01jd7caravan0000000000gate1"};
    p.leave.vm = caravan::vm_name{"vm1"};
    p.leave.vm_uuid = vm_uuid;
    p.leave.disks = {"vda"};
    p.leave.whole_disk = whole_disk;
    p.own_markers = insides;
    const std::string sockets = "unix:///var/lib/libvirt/qemu/";
    const std::string job = where == place::source ? p.leave.id.text : "secret-b";
    p.own_mem_uri = sockets + job + "-mem.sock";
    p.own_nbd_uri = sockets + job + "-nbd.sock";
    p.opened_ms = where == place::source ? 1'795'377'000'000 : 1'795'377'777'000;
    if (where == place::destination) {
        p.own_live_xml = own_xml(neutral_xml());
        p.own_persistent_xml = p.own_live_xml;
    }
    return p;
}

outcome through_both(const talk& heard, const policy& source, const policy& destination,
                     const std::function<std::size_t(std::size_t)>& chunk) {
    gate a(place::source, source), b(place::destination, destination);
    outcome all;
    const auto hand = [&](gate& g, direction way, std::string_view bytes) {
        std::string forwarded;
        while (!bytes.empty()) {
            const auto part = bytes.substr(0, chunk ? chunk(bytes.size()) : bytes.size());
            bytes.remove_prefix(part.size());
            const verdict v = g.take(way, part);
            forwarded += v.forward, all.answers += v.answer, all.inside += v.inside;
            all.destination_ready |= v.destination_ready;
            (&g == &a ? all.at_source : all.at_destination) = v.refused;
        }
        return forwarded;
    };
    for (const said& s : heard) {
        const bool call = s.way == direction::call;
        const auto crossing = hand(call ? a : b, s.way, s.frame);
        const auto out = hand(call ? b : a, s.way, crossing);
        if (!crossing.empty()) all.wire.push_back({s.way, crossing});
        if (!out.empty()) all.out.push_back({s.way, out});
    }
    return all;
}

talk arriving_at(place where, const std::string& name) {
    const bool disk = name == "disk";
    const auto raw = recorded(name);
    const auto wire =
        through_both(raw, policy_at(place::source, disk), policy_at(place::destination, disk)).wire;
    if (wire.size() != raw.size()) throw std::runtime_error("an honest run was refused");
    talk out;
    const auto own = where == place::source ? direction::call : direction::reply;
    for (std::size_t i = 0; i < raw.size(); ++i)
        out.push_back(raw[i].way == own ? raw[i] : wire[i]);
    return out;
}

header head_of(const std::string& frame) {
    header h;
    xdr::reader(std::string_view(frame).substr(0, header_size))(h);
    return h;
}
std::string body_of(const std::string& frame) {
    return frame.substr(header_size);
}

std::string with_head(const std::string& frame, const std::function<void(header&)>& change) {
    header h = head_of(frame);
    change(h);
    xdr::writer out;
    out(h);
    return out.bytes() + body_of(frame);
}

std::string make_call(std::int32_t procedure, std::uint32_t serial, const message& m) {
    header h;
    h.program = program_remote, h.version = protocol_version, h.procedure = procedure;
    h.serial = serial;
    return encode(h, m);
}
std::string make_reply(std::int32_t procedure, std::uint32_t serial, const message& m) {
    return with_head(make_call(procedure, serial, m), [](header& h) { h.type = 1; });
}

spoil in_cookie(std::string from, std::string to) {
    return [=](const said& s) {
        const auto change = [&](auto& m) { replace(m.cookie.bytes, from, to); };
        const bool prepare = head_of(s.frame).procedure == 303;
        if (s.way == direction::call) {
            return prepare ? edit<prepare_call>(s.frame, change)
                           : edit<finish_call>(s.frame, change);
        }
        return prepare ? edit<prepare_reply>(s.frame, change) : edit<finish_reply>(s.frame, change);
    };
}

spoil in_xml(std::string from, std::string to) {
    return [=](const said& s) {
        const auto change = [&](auto& m) {
            for (auto& p : m.params) {
                if (p.field == "destination_xml") replace(p.text, from, to);
            }
        };
        return head_of(s.frame).procedure == 303 ? edit<prepare_call>(s.frame, change)
                                                 : edit<finish_call>(s.frame, change);
    };
}

void replace(std::string& in, const std::string& from, const std::string& to) {
    std::size_t at = in.find(from), found = 0;
    for (; at != in.npos; at = in.find(from, at + to.size()), ++found)
        in.replace(at, from.size(), to);
    if (found == 0) throw std::runtime_error("nothing to replace: " + from);
}

}  // namespace scene
