// The domain XML that may cross between clouds, as data: an allow-list of libvirt's elements and
// attributes (https://libvirt.org/formatdomain.html). What is not in the table does not cross: no
// hostdev, filesystem, loader, nvram, tpm, sysinfo, shareable disk, foreign namespace …
#pragma once

#include <span>
#include <string_view>

namespace caravan::libvirt {

// One element, named by its path; '*' in the path stands for any one element name.
//
// attributes: words, each one of
//   name         a plain word (letters, digits and _.:+,- up to 64 of them)
//   name=a|b     one of these values
//   name@place   names a thing of the host: see place
//   -name        of the host alone: left out when leaving, refused when arriving
// text: "" none; "." a plain word; "~" the guest's own prose (kernel arguments); "@place"
struct element_rule {
    std::string_view path;
    std::string_view attributes;
    std::string_view text;
    enum class often : unsigned char { once, many, left_out } how = often::once;
};

std::span<const element_rule> domain_grammar() noexcept;

// The rule of an element, or null.
const element_rule* find_rule(std::string_view path) noexcept;

}  // namespace caravan::libvirt
