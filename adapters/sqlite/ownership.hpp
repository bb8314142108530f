// ownership: at most one process has a journal open for writing. An flock(2) on PATH.lock, which
// the kernel lets go of however the owner ends; the file holds the owner's pid for people to read.
#pragma once

#include <string>

#include "events/result.hpp"

namespace caravan::adapter {

class ownership {
  public:
    // Permanent "journal_in_use" while another holds it, "journal_failed" if the lock cannot be
    // made.
    static result<ownership> take(const std::string& path);

    ownership() = default;
    ownership(ownership&& other) noexcept;
    ownership& operator=(ownership&& other) noexcept;
    ~ownership();

  private:
    int file_ = -1;
};

}  // namespace caravan::adapter
