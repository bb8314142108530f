#include "adapters/channel/gate/xml.hpp"

#include <algorithm>
#include <sstream>

#include "adapters/channel/gate/gate.hpp"

namespace caravan::gate::xml {
namespace {

constexpr std::size_t word_size_max = 256, cmdline_size_max = 4096;
constexpr std::size_t quote_size_max = 64;  // of foreign text in a detail

std::string quote(std::string_view text) {
    return "'" + std::string(text.substr(0, quote_size_max)) + "'";
}

bool alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool consists_of(std::string_view text, std::string_view marks) {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return alnum(c) || marks.find(c) != marks.npos; });
}

bool is_word(std::string_view text) {
    return text.size() <= word_size_max && consists_of(text, " ._:+,=-");
}
bool is_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && text.size() <= 20 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_path(std::string_view text) {
    return text.size() <= word_size_max && text.starts_with(neutral_prefix) &&
           consists_of(text, "/._-") && text.find("..") == text.npos &&
           text.find("//") == text.npos;
}
bool is_cmdline(std::string_view text) {
    return text.size() <= cmdline_size_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool keeps(text rule, std::string_view value) {
    switch (rule) {
        case text::none:
            return value.empty();
        case text::word:
            return is_word(value);
        case text::number:
            return is_number(value);
        case text::path:
            return is_path(value);
        case text::cmdline:
            return is_cmdline(value);
    }
    return false;
}

// Takes the next item off a list: next("a b", ' ') is "a", and "b" is left.
std::string_view next(std::string_view& list, char separator) {
    const auto end = std::min(list.find(separator), list.size());
    const auto item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    return item;
}

// Does the rule ("file/", "type=a|b", "cache") allow this attribute, as far as its name goes?
bool names(std::string_view rule, std::string_view attribute) {
    return rule.substr(0, rule.find_first_of("=/")) == attribute;
}
bool attribute_kept(std::string_view rules, std::string_view attribute, std::string_view value) {
    while (!rules.empty()) {
        const auto rule = next(rules, ' ');
        if (!names(rule, attribute)) continue;
        if (rule.ends_with('/')) return is_path(value);
        const auto fixed = rule.find('=');
        return fixed == rule.npos ? is_word(value) : lists(rule.substr(fixed + 1), value, '|');
    }
    return false;
}

const row& row_of(pugi::xml_node node, bool is_root,
                  std::initializer_list<std::span<const row>> allowed) {
    const std::string_view parent = is_root ? "" : node.parent().name();
    for (const auto& rows : allowed) {
        for (const row& r : rows) {
            if (r.parent == parent && lists(r.elements, node.name())) return r;
        }
    }
    throw refusal{"forbidden_element", quote(node.name()) + " in " + quote(parent)};
}

// Bounds the depth for all who recurse later.
struct shallow : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node&) override {
        if (depth() >= depth_max) throw refusal{"too_large", "XML is too deep"};
        return true;
    }
};

}  // namespace

bool lists(std::string_view list, std::string_view item, char separator) {
    while (!list.empty()) {
        if (next(list, separator) == item) return true;
    }
    return false;
}

pugi::xml_document parse(std::string_view bytes) {
    if (bytes.size() > size_max) throw refusal{"too_large", "XML"};
    // The marks themselves are looked for, so that no parser's leniency matters. "<!" also opens
    // CDATA and comments; libvirt writes none.
    if (bytes.find("<!") != bytes.npos || bytes.find("<?") != bytes.npos) {
        throw refusal{"forbidden_element", "XML with a DTD, comment, CDATA or instruction"};
    }
    pugi::xml_document document;
    const auto parsed =
        document.load_buffer(bytes.data(), bytes.size(),
                             pugi::parse_default | pugi::parse_trim_pcdata, pugi::encoding_utf8);
    if (!parsed) throw refusal{"forbidden_element", std::string("XML: ") + parsed.description()};
    shallow walker;
    document.traverse(walker);
    const auto roots = document.children();
    if (std::distance(roots.begin(), roots.end()) != 1) {
        throw refusal{"forbidden_element", "XML without one root"};
    }
    return document;
}

std::string print(pugi::xml_node node) {
    std::ostringstream out;
    node.print(out, "", pugi::format_raw, pugi::encoding_utf8);
    return out.str();
}

void judge(pugi::xml_node root, std::initializer_list<std::span<const row>> allowed) {
    struct walk : pugi::xml_tree_walker {
        pugi::xml_node root;
        std::initializer_list<std::span<const row>> allowed;
        bool for_each(pugi::xml_node& node) override { return one(node), true; }
        void one(pugi::xml_node node) const {
            if (node.type() != pugi::node_element) return;
            const row& r = row_of(node, node == root, allowed);
            std::string content;
            for (const auto child : node.children())
                content += child.value();  // an element's is ""
            if (!keeps(r.content, content)) {
                throw refusal{"forbidden_value", quote(node.name()) + " says " + quote(content)};
            }
            for (const auto a : node.attributes()) {
                if (attribute_kept(r.attributes, a.name(), a.value())) continue;
                throw refusal{"forbidden_value", quote(node.name()) + " has " + quote(a.name()) +
                                                     " = " + quote(a.value())};
            }
        }
    } walker;
    walker.root = root, walker.allowed = allowed;
    walker.one(root);
    root.traverse(walker);
}

std::string only(pugi::xml_node parent, const char* child) {
    const auto found = parent.children(child);
    if (std::distance(found.begin(), found.end()) != 1) {
        throw refusal{"foreign_domain", "not one " + quote(child)};
    }
    return found.begin()->child_value();
}

}  // namespace caravan::gate::xml
