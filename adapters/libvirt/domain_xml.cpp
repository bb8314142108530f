#include "adapters/libvirt/domain_xml.hpp"

#include <algorithm>
#include <functional>
#include <pugixml.hpp>
#include <set>
#include <sstream>

#include "adapters/libvirt/domain_grammar.hpp"

namespace caravan::libvirt {
namespace {

using pugi::xml_document;
using pugi::xml_node;

result<void> parse(const std::string& xml, xml_document& document) {
    if (xml.size() > xml_size_max) return permanent("bad_xml", "too large");
    // No declaration of any kind: pugixml would skip it, libvirt's parser would not.
    if (xml.find("<!DOCTYPE") != xml.npos || xml.find("<!ENTITY") != xml.npos)
        return permanent("bad_xml", "document type declaration");
    const auto parsed = document.load_buffer(xml.data(), xml.size(),
                                             pugi::parse_default | pugi::parse_ws_pcdata_single);
    if (!parsed) return permanent("bad_xml", parsed.description());
    if (document.document_element().name() != std::string_view("domain"))
        return permanent("bad_xml", "no <domain>");
    return {};
}

std::string print(const xml_document& document) {
    std::ostringstream out;
    document.save(out, "  ", pugi::format_indent | pugi::format_no_declaration);
    return out.str();
}

bool plain_word(std::string_view text) noexcept {
    return text.size() <= 64 && std::ranges::all_of(text, [](unsigned char c) {
               return std::isalnum(c) ||
                      std::string_view("_.:+,-").find(char(c)) != std::string_view::npos;
           });
}
bool plain_prose(std::string_view text) noexcept {
    return text.size() <= 2048 &&
           std::ranges::all_of(text, [](unsigned char c) { return c >= ' ' && c < 127; });
}
bool one_of(std::string_view choices, std::string_view value) noexcept {
    for (std::size_t begin = 0; begin <= choices.size();) {
        const auto end = std::min(choices.find('|', begin), choices.size());
        if (choices.substr(begin, end - begin) == value) return true;
        begin = end + 1;
    }
    return false;
}
bool allowed(std::string_view wanted, std::string_view value) noexcept {
    if (wanted == ".") return plain_word(value);
    if (wanted == "~") return plain_prose(value);
    return one_of(wanted, value);
}

// The word of `attributes` that is about `name`, without the name: "", "=a|b", "@place"; "-" if it
// is to be left out; null data if there is none.
std::string_view attribute_rule(std::string_view attributes, std::string_view name) noexcept {
    while (!attributes.empty()) {
        const auto end = std::min(attributes.find(' '), attributes.size());
        auto word = attributes.substr(0, end);
        attributes.remove_prefix(std::min(end + 1, attributes.size()));
        if (word.starts_with('-') && word.substr(1) == name) return "-";
        if (word.starts_with(name)) {
            word.remove_prefix(name.size());
            if (word.empty() || word[0] == '=' || word[0] == '@') return word;
        }
    }
    return {nullptr, 0};
}

std::size_t place_among(xml_node element) {
    std::size_t before = 0;
    for (auto n = element.previous_sibling(element.name()); n; n = n.previous_sibling(n.name()))
        ++before;
    return before;
}

// What a place is called between clouds. `element` is where its name stands.
std::string neutral_name(std::string_view place, xml_node element) {
    const auto device = element.parent();
    if (place == "emulator") return "/caravan/emulator";
    if (place == "kernel") return "/caravan/boot/kernel";
    if (place == "initrd") return "/caravan/boot/initrd";
    if (place == "rng") return "/caravan/rng";
    if (place == "bridge") return "caravan";
    if (place == "disk")
        return std::string("/caravan/disk/") + device.child("target").attribute("dev").value();
    return std::string("/caravan/console/") +
           device.child("target").attribute("port").as_string("0");
}

// The value that takes the place of `value`; empty: the whole attribute or element is left out.
using replacement = std::function<result<std::string>(std::string_view place, xml_node element,
                                                      const std::string& value)>;

// Copies a document element by element, as far as the grammar goes.
struct rebuilding {
    bool arriving;  // refuse what a leaving document merely leaves out
    replacement replace;

    result<void> attributes(xml_node from, xml_node to, const element_rule& rule,
                            const std::string& path) const {
        for (const auto& a : from.attributes()) {
            const auto wanted = attribute_rule(rule.attributes, a.name());
            const auto place = path + "@" + a.name();
            if (!wanted.data() || to.attribute(a.name()) || (arriving && wanted == "-"))
                return permanent("forbidden_element", place);
            if (wanted == "-") continue;
            std::string value = a.value();
            if (wanted.starts_with('@')) {
                auto other = replace(wanted.substr(1), from, value);
                if (!other) return tl::unexpected(other.error());
                value = *std::move(other);
            } else if (!allowed(wanted.empty() ? "." : wanted.substr(1), value)) {
                return permanent("forbidden_value", place);
            }
            to.append_attribute(a.name()) = value.c_str();
        }
        return {};
    }

    result<void> text(xml_node from, xml_node to, const element_rule& rule,
                      const std::string& path) const {
        std::string said;
        for (const auto& n : from.children())
            if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) said += n.value();
        if (rule.text.empty())
            return std::ranges::all_of(said, [](unsigned char c) { return std::isspace(c); })
                       ? result<void>()
                       : permanent("forbidden_value", path);
        if (rule.text.starts_with('@')) {
            auto other = replace(rule.text.substr(1), from, said);
            if (!other) return tl::unexpected(other.error());
            said = *std::move(other);
        } else if (!allowed(rule.text, said)) {
            return permanent("forbidden_value", path);
        }
        to.text().set(said.c_str());
        return {};
    }

    result<void> children(xml_node from, xml_node to, const std::string& path) const {
        std::set<std::string> seen;
        for (const auto& child : from.children()) {
            if (child.type() != pugi::node_element) continue;
            const auto place = path + "/" + child.name();
            const auto* rule = find_rule(place);
            const bool again = !seen.insert(child.name()).second;
            if (!rule || (again && rule->how == element_rule::often::once) ||
                (arriving && rule->how == element_rule::often::left_out))
                return permanent("forbidden_element", place);
            if (rule->how == element_rule::often::left_out) continue;
            if (auto done = element(child, to.append_child(child.name()), *rule, place); !done)
                return done;
        }
        return {};
    }

    result<void> element(xml_node from, xml_node to, const element_rule& rule,
                         const std::string& path) const {
        if (auto done = attributes(from, to, rule, path); !done) return done;
        if (auto done = text(from, to, rule, path); !done) return done;
        return children(from, to, path);
    }

    result<void> document(const xml_document& from, xml_document& to) const {
        return element(from.document_element(), to.append_child("domain"), *find_rule("domain"),
                       "domain");
    }
};

bytes unit_of(std::string_view unit) noexcept {
    constexpr std::pair<std::string_view, bytes> units[] = {
        {"b", 1},          {"bytes", 1},      {"KB", 1000},       {"k", 1u << 10},
        {"KiB", 1u << 10}, {"MB", 1'000'000}, {"M", 1u << 20},    {"MiB", 1u << 20},
        {"G", 1u << 30},   {"GiB", 1u << 30}, {"GB", 1000000000},
    };
    for (const auto& [name, size] : units)
        if (name == unit) return size;
    return 0;
}

domain_view view_of(xml_node domain) {
    domain_view seen;
    seen.name = domain.child_value("name");
    seen.uuid = domain.child_value("uuid");
    seen.machine = domain.child("os").child("type").attribute("machine").value();
    seen.cpu_model = domain.child("cpu").child_value("model");
    seen.kernel = domain.child("os").child_value("kernel");
    const auto memory = domain.child("memory");
    seen.memory = memory.text().as_ullong() * unit_of(memory.attribute("unit").as_string("KiB"));
    seen.vcpus = domain.child("vcpu").text().as_uint();
    const auto devices = domain.child("devices");
    for (const auto& d : devices.children("disk"))
        if (d.attribute("device").as_string("disk") == std::string_view("disk"))
            seen.disks.push_back({d.child("target").attribute("dev").value(),
                                  d.child("source").attribute("file").value()});
    for (const auto& n : devices.children("interface"))
        seen.nics.push_back({n.child("mac").attribute("address").value(),
                             n.child("source").attribute("bridge").value()});
    for (const auto& s : devices.children("serial"))
        if (seen.console.empty()) seen.console = s.child("source").attribute("path").value();
    return seen;
}

result<void> same_vm(const domain_view& xml, const vm_spec& vm, const own_layout& own) {
    const auto differs = [](const char* what) { return permanent("spec_mismatch", what); };
    if (xml.name != vm.name.text) return differs("name");
    if (xml.uuid != vm.uuid) return differs("uuid");
    if (xml.memory != vm.memory) return differs("memory");
    if (xml.vcpus != vm.vcpus) return differs("vcpus");
    if (xml.machine != vm.machine) return differs("machine");
    if (xml.cpu_model != vm.cpu_model) return differs("cpu_model");
    if (!std::ranges::equal(xml.disks, vm.disks, {}, &domain_view::disk::target,
                            &disk_spec::target))
        return differs("disks");
    if (!std::ranges::equal(xml.nics, vm.nics, {}, &domain_view::nic::mac, &nic_spec::mac))
        return differs("nics");
    if (own.nics.size() != vm.nics.size()) return differs("own nics");
    return {};
}

result<std::string> own_name(std::string_view place, xml_node element, const own_layout& own) {
    if (place == "emulator") return own.emulator;
    if (place == "kernel") return own.kernel;
    if (place == "initrd") return own.initrd;
    if (place == "rng") return std::string("/dev/urandom");
    if (place == "bridge") return own.nics[place_among(element.parent())].bridge;
    if (place == "console") {
        const std::string port = element.parent().child("target").attribute("port").as_string("0");
        return port == "0" ? own.console : own.console + "." + port;
    }
    const auto disk = own.disks.find(element.parent().child("target").attribute("dev").value());
    if (disk == own.disks.end()) return permanent("spec_mismatch", "disks");
    return disk->second;
}

}  // namespace

result<domain_view> read_domain(const std::string& xml) {
    xml_document document;
    if (auto parsed = parse(xml, document); !parsed) return tl::unexpected(parsed.error());
    return view_of(document.document_element());
}

result<neutral_domain> neutralise(const std::string& migratable) {
    xml_document from, to;
    if (auto parsed = parse(migratable, from); !parsed) return tl::unexpected(parsed.error());
    std::set<std::string> words;
    const rebuilding leaving{false, [&](auto place, xml_node element, const std::string& value) {
                                 words.insert(value);
                                 return result<std::string>(neutral_name(place, element));
                             }};
    if (auto done = leaving.document(from, to); !done) return tl::unexpected(done.error());
    return neutral_domain{print(to), {words.begin(), words.end()}};
}

result<own_domain> localise(const std::string& neutral, const vm_spec& vm, const own_layout& own) {
    xml_document from, to;
    if (auto parsed = parse(neutral, from); !parsed) return tl::unexpected(parsed.error());
    if (auto same = same_vm(view_of(from.document_element()), vm, own); !same)
        return tl::unexpected(same.error());
    const rebuilding arriving{
        true, [&](auto place, xml_node element, const std::string& value) -> result<std::string> {
            if (value != neutral_name(place, element))
                return permanent("forbidden_value", std::string(element.path('/')));
            return own_name(place, element, own);
        }};
    if (auto done = arriving.document(from, to); !done) return tl::unexpected(done.error());
    own_domain made;
    made.persistent = print(to);
    std::size_t nic = 0;
    for (auto interface : to.document_element().child("devices").children("interface"))
        interface.append_child("target").append_attribute("dev") = own.nics[nic++].tap.c_str();
    made.live = print(to);
    return made;
}

}  // namespace caravan::libvirt
