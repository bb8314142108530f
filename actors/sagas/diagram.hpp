// diagram: docs/sagas/move_vm.md, drawn from the table and the deeds. A test compares.
#pragma once

#include <string>

namespace caravan::saga {

std::string docs_of_move_vm();

}  // namespace caravan::saga
