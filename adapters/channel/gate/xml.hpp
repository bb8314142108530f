// xml: XML of a migration, read strictly, held against an allow-list, written anew. What libvirt
// gets is always our own writing, so two parsers never disagree about one text.
#pragma once

#include <initializer_list>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <string_view>

namespace caravan::gate::xml {

inline constexpr std::size_t size_max = 256 << 10;  // bytes; real ones are 1 to 12 KiB
inline constexpr int depth_max = 16;

// Elements, attributes and text only: a document type, entity, instruction or comment is refused
// (forbidden_element), as are a second root, too much depth or size (too_large).
pugi::xml_document parse(std::string_view);
std::string print(pugi::xml_node);  // one line, no declaration

// What an element's text may be. Attributes are words unless their rule says otherwise.
enum class text : std::uint8_t {
    none,
    word,     // letters, digits and " ._:+,=-": nothing that names a file
    number,   // decimal, may be negative
    path,     // under neutral_prefix, no ".."
    cmdline,  // printable ASCII: the guest's own kernel arguments
};

// One row of an allow-list: these elements may stand in this parent, with these attributes.
struct row {
    std::string_view parent;      // "" for the root
    std::string_view elements;    // "name uuid"
    std::string_view attributes;  // "file/" a path, "type=file|unix" one of these, "cache" any word
    text content = text::none;
};

// Every element under `root`, itself included, must have a row, and all that it says must keep it.
// Refuses with forbidden_element or forbidden_value.
void judge(pugi::xml_node root, std::initializer_list<std::span<const row>> allowed);

// Is `item` in "a b c"?
bool lists(std::string_view list, std::string_view item, char separator = ' ');

// The text of the one child of this name; refuses none and several (foreign_domain).
std::string only(pugi::xml_node parent, const char* child);

}  // namespace caravan::gate::xml
