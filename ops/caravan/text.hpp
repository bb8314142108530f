// text: how values look to people: sizes, rates, times, durations; and words taken apart and near ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::ops {

std::vector<std::string> split(std::string_view text, char by);  // no empty parts
std::string joined(const std::vector<std::string>& parts, std::string_view by);
std::string quoted(const std::string& yaml_scalar);  // where plain YAML would read something else

std::string size_text(double bytes);        // "32.0 MiB"
std::string seconds_text(double seconds);   // "4 s", "2 min 05 s", "610 ms"
std::size_t columns(std::string_view utf8);  // on a terminal, one a character

}  // namespace caravan::ops
