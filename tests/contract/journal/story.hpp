// What journal tests write, and where.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "actors/ports/journal.hpp"

namespace caravan::test {

// A folder of its own on a disk, gone with the test.
class folder {
  public:
    explicit folder(const std::string& below = "/var/tmp");
    ~folder();
    folder(const folder&) = delete;
    std::string file(const std::string& name) const { return path / name; }
    std::filesystem::path path;
};

// A writer that knows where its journal stands, and makes entries that follow.
class story {
  public:
    story() = default;
    explicit story(const port::head& from) : head_(from) {}
    // The next entry of `stream`, which has `inside` fields if they are given.
    port::entry next(const std::string& stream, std::uint64_t version,
                     const std::string& inside = {});
    std::vector<port::entry> batch(const std::string& stream, std::uint64_t version,
                                   std::size_t count);

  private:
    port::head head_;
};

std::vector<port::entry> everything(const port::journal& journal, position after = {});
std::string reason(const result<void>& outcome);  // empty if it went well

}  // namespace caravan::test
