// What is drawn from the code is as the code is.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "actors/sagas/diagram.hpp"
#include "events/documentation.hpp"

namespace {

void compare(const std::string& file, const std::string& text) {
    const auto path = std::string(DOCS) + "/" + file;
    if (std::getenv("CARAVAN_REGENERATE")) std::ofstream(path) << text;
    std::stringstream kept;
    kept << std::ifstream(path).rdbuf();
    INFO("docs/" << file << " is not as the code is; CARAVAN_REGENERATE=1 test_events writes it anew");
    const bool same = kept.str() == text;
    CHECK(same);
}

}  // namespace

TEST_CASE("docs/events.md") { compare("events.md", caravan::docs_of_events()); }
TEST_CASE("docs/sagas/move_vm.md") { compare("sagas/move_vm.md", caravan::saga::docs_of_move_vm()); }
