// nearest: which known word was meant by one that is not known, of whoever writes or sends us words.
#pragma once

#include <string>
#include <vector>

namespace caravan::http {

std::string nearest(const std::string& word, const std::vector<std::string>& known);  // empty: none is near

}  // namespace caravan::http
