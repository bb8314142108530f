#include "adapters/file/feed_writer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "events/chain.hpp"

namespace caravan::adapter {
namespace {

bool well_formed(const port::feed_record& r) {
    return r.incarnation.size() == 26 && r.bytes.size() <= feed_record_size_max &&
           r.link.size() == chain::digest_size &&
           r.incarnation.find_first_of(" \n") == std::string::npos &&
           r.bytes.find('\n') == std::string::npos;
}

}  // namespace

result<std::unique_ptr<file_feed_writer>> file_feed_writer::open(
    const std::filesystem::path& path) {
    std::unique_ptr<file_feed_writer> made(new file_feed_writer(path));
    if (auto taken = made->take_up(); !taken) return tl::unexpected(taken.error());
    return made;
}

bool file_feed_writer::is_in_place() const {
    struct stat ours {}, there {};
    return file_ && ::fstat(file_->descriptor(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool file_feed_writer::is_as_left() const { return is_in_place() && file_->size() == last_.end; }

result<void> file_feed_writer::take_up() {
    if (!is_in_place()) {
        auto file = feed_file::open(path_, O_RDWR | O_CREAT);
        if (!file) return tl::unexpected(file.error());
        if (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0)
            return permanent("feed_in_use", "another controller writes " + path_.string());
        file_.emplace(std::move(*file));
        unsynced_ = 0;
    }
    const auto last = file_->last();
    if (!last) return tl::unexpected(last.error());
    last_ = last->value_or(placed_record{});
    if (::ftruncate(file_->descriptor(), static_cast<off_t>(last_.end)) != 0)
        return permanent("feed_failed", path_.string() + ": " + std::strerror(errno));
    return {};
}

result<void> file_feed_writer::publish(std::span<const port::feed_record> records) {
    const std::lock_guard lock(mutex_);
    if (!is_as_left()) {
        const auto left = last_.record;
        if (auto taken = take_up(); !taken) return taken;
        if (last_.record != left) return permanent("feed_rewound", path_.string() + " is not as it was left");
    }
    const auto fresh = std::find_if(records.begin(), records.end(),
                                    [&](const auto& r) { return r.at > last_.record.at; });
    const auto known = static_cast<std::size_t>(fresh - records.begin());
    if (auto same = compare(records.first(known)); !same) return same;
    const port::feed_record* before = &last_.record;
    std::string lines;
    for (const auto& r : records.subspan(known)) {
        if (!well_formed(r)) return permanent("malformed_record", std::to_string(r.at.value));
        auto right = chain::follows({before->at.value, before->incarnation, before->link},
                                    {r.at.value, r.incarnation, r.link}, r.bytes);
        if (!right) return right;
        lines += to_line(r);
        before = &r;
    }
    if (lines.empty()) return {};
    if (auto written = write(lines); !written) return written;
    last_ = {*before, 0, last_.end + lines.size()};
    return {};
}

result<void> file_feed_writer::compare(std::span<const port::feed_record> records) const {
    if (records.empty()) return {};
    const auto begin = file_->find(records.front().at);
    if (!begin) return tl::unexpected(begin.error());
    const auto there = file_->records(*begin, records.size());
    if (!there) return tl::unexpected(there.error());
    const bool same = std::equal(there->begin(), there->end(), records.begin(), records.end(),
                                 [](const auto& a, const auto& b) { return a.record == b; });
    if (!same)
        return permanent("feed_fork", "what was published differs from what is published now");
    return {};
}

result<void> file_feed_writer::write(const std::string& lines) {
    const int file = file_->descriptor();
    std::size_t done = 0;
    while (done < lines.size()) {
        const ssize_t wrote = ::pwrite(file, lines.data() + done, lines.size() - done,
                                       static_cast<off_t>(last_.end + done));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        done += static_cast<std::size_t>(wrote);
    }
    unsynced_ += done;
    if (done == lines.size() && unsynced_ < unsynced_max) return {};
    if (done == lines.size() && ::fdatasync(file) == 0) {
        unsynced_ = 0;
        return {};
    }
    const int why = errno;
    // Whole lines of it may have been read already; they come again, byte for byte the same.
    if (done < lines.size() && ::ftruncate(file, static_cast<off_t>(last_.end)) != 0)
        return permanent("feed_failed", std::strerror(errno));
    if (why == ENOSPC || why == EDQUOT) return transient("feed_full", std::strerror(why));
    return permanent("feed_failed", std::strerror(why));
}

result<port::feed_record> file_feed_writer::last() {
    const std::lock_guard lock(mutex_);
    if (!is_as_left())
        if (auto taken = take_up(); !taken) return tl::unexpected(taken.error());
    return last_.record;
}

}  // namespace caravan::adapter
