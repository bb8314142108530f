// examples: one filled event of every fact type, made from describe() alone.
#pragma once

#include <string>
#include <vector>

#include "events/envelope.hpp"

namespace caravan::test {

struct example {
    event what;
    std::vector<std::string> planted;  // texts and figures that stand in inside fields
};

// Every field has a value that is not its default; every list has one element.
std::vector<example> examples();

}  // namespace caravan::test
