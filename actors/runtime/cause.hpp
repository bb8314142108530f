// cause: the event that led to another: one on record, or one that is on its way there.
#pragma once

#include <memory>

#include "events/ids.hpp"

namespace caravan::runtime {

struct cause {
    cause(position on_record = {}) : at(on_record) {}
    cause(std::shared_ptr<const position> of_write, std::uint64_t place) : first(std::move(of_write)), nth(place) {}

    // Asked by the ledger only: it has written, or given up, all that went before.
    position known() const { return !first ? at : first->value ? position(first->value + nth) : position(); }

  private:
    position at;
    std::shared_ptr<const position> first;  // of the write under way; 0 if nothing came of it
    std::uint64_t nth = 0;
};

}  // namespace caravan::runtime
