#include "tests/unit/aggregates/walk.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace caravan::test {

std::string short_name(const fact& f) {
    const auto name = type_of(f).name.substr(std::string_view("caravan.").size());
    return std::string(name);
}

void compare_with_kept(const std::string& name, const std::string& table) {
    const auto path = std::string(TABLES) + "/" + name + ".txt";
    if (std::getenv("CARAVAN_REGENERATE")) std::ofstream(path) << table;
    std::stringstream kept;
    kept << std::ifstream(path).rdbuf();
    INFO(path << " differs; CARAVAN_REGENERATE=1 test_aggregates writes it anew");
    CHECK(kept.str() == table);
}

}  // namespace caravan::test
