// feed_file: a feed as a file of lines that anyone can read:
//
//   SEQUENCE(20 digits) INCARNATION(26) LINK(64 hex) EVENT\n
//
// A line is there once its newline is. What follows the last newline, or begins with a zero byte,
// was torn by a power loss and counts as not there. `cut -d' ' -f4- thales.to.umea.feed | jq` shows
// it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "actors/ports/feed.hpp"

namespace caravan::adapter {

inline constexpr std::size_t feed_record_size_max = 1 << 20;
inline constexpr std::size_t unsynced_max = 1 << 20;  // of a feed's end, when the writer has answered

// FOLDER/A.to.B.feed
std::filesystem::path feed_path(const std::filesystem::path& folder, const cloud_name& from,
                                const cloud_name& to);

// A record and where its line begins and ends (after the newline), in bytes.
struct placed_record {
    port::feed_record record;
    std::uint64_t begin = 0, end = 0;
};

class feed_file {
  public:
    // Regular files only, never through a symbolic link: the other cloud may have put it there.
    // Transient "feed_unreachable" if it is not there or cannot be opened.
    static result<feed_file> open(const std::filesystem::path& path, int flags);
    // Its folder is there and has no such file: it was deleted, or never made. What cannot be looked at (a share that
    // is gone, no descriptor left) says nothing.
    static bool is_absent(const std::filesystem::path& path);
    feed_file(feed_file&& other) noexcept;
    feed_file& operator=(feed_file&&) = delete;
    ~feed_file();

    int descriptor() const noexcept { return file_; }
    std::uint64_t size() const noexcept;

    // At most `limit` records from the line that begins at `begin`; stops before what is not whole
    // and before what is no record. If that comes first: permanent "feed_fork".
    result<std::vector<placed_record>> records(std::uint64_t begin, std::size_t limit) const;
    // Where the line of `at` begins, or would: sequences grow, so the file is searched by halving.
    result<std::uint64_t> find(sequence at) const;
    // The last record of the feed's end that all before it lead to; none in an empty feed.
    result<std::optional<placed_record>> last() const;

  private:
    explicit feed_file(int file) : file_(file) {}
    std::string chunk(std::uint64_t from, std::size_t size) const;
    std::uint64_t next_line(std::uint64_t from) const;

    int file_ = -1;
};

std::string to_line(const port::feed_record& record);
std::optional<port::feed_record> from_line(std::string_view line);  // without the newline

}  // namespace caravan::adapter
