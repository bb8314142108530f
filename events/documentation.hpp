// documentation: docs/events.md, drawn from describe(). A test compares; it also says how to renew it.
#pragma once

#include <string>

namespace caravan {

std::string docs_of_events();

}  // namespace caravan
