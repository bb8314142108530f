#include "adapters/file/feed_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "events/chain.hpp"

namespace caravan::adapter {
namespace {

constexpr std::size_t digits = 20, incarnation_size = 26, link_size = 64;
constexpr std::size_t prefix = digits + 1 + incarnation_size + 1 + link_size + 1;
constexpr std::size_t line_max = prefix + feed_record_size_max + 1;
constexpr std::size_t tail_max = 3 * line_max;
static_assert(tail_max > line_max + unsynced_max);

}  // namespace

std::filesystem::path feed_path(const std::filesystem::path& folder, const cloud_name& from,
                                const cloud_name& to) {
    return folder / (from.text + ".to." + to.text + ".feed");
}

std::string to_line(const port::feed_record& record) {
    const std::string number = std::to_string(record.at.value);
    return std::string(digits - number.size(), '0') + number + ' ' + record.incarnation + ' ' +
           chain::hex(record.link) + ' ' + record.bytes + '\n';
}

std::optional<port::feed_record> from_line(std::string_view line) {
    if (line.size() < prefix || line.size() >= line_max) return std::nullopt;
    const std::size_t incarnation = digits + 1, link = incarnation + incarnation_size + 1;
    if (line[digits] != ' ' || line[link - 1] != ' ' || line[prefix - 1] != ' ')
        return std::nullopt;
    port::feed_record out;
    const auto [end, error] = std::from_chars(line.data(), line.data() + digits, out.at.value);
    if (error != std::errc{} || end != line.data() + digits || out.at.value == 0)
        return std::nullopt;
    const auto raw = chain::unhex(line.substr(link, link_size));
    if (!raw) return std::nullopt;
    out.incarnation = line.substr(incarnation, incarnation_size);
    out.link = *raw;
    out.bytes = line.substr(prefix);
    return out;
}

result<feed_file> feed_file::open(const std::filesystem::path& path, int flags) {
    feed_file opened(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
    struct stat status {};
    if (opened.file_ < 0 || ::fstat(opened.file_, &status) != 0)
        return transient("feed_unreachable", path.string() + ": " + std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        return transient("feed_unreachable", path.string() + " is no regular file");
    return opened;
}

bool feed_file::is_absent(const std::filesystem::path& path) {
    const int folder = ::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return false;
    struct stat status {};
    const bool absent = ::fstatat(folder, path.filename().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
    ::close(folder);
    return absent;
}

feed_file::feed_file(feed_file&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
feed_file::~feed_file() {
    if (file_ >= 0) ::close(file_);
}

std::uint64_t feed_file::size() const noexcept {
    struct stat status {};
    return ::fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::string feed_file::chunk(std::uint64_t from, std::size_t size) const {
    std::string out(size, '\0');
    const ssize_t got = ::pread(file_, out.data(), size, static_cast<off_t>(from));
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
}

// Where the first line that begins after `from` begins; the file's end if none does.
std::uint64_t feed_file::next_line(std::uint64_t from) const {
    const auto newline = chunk(from, line_max).find('\n');
    return newline == std::string::npos ? size() : from + newline + 1;
}

result<std::vector<placed_record>> feed_file::records(std::uint64_t begin,
                                                      std::size_t limit) const {
    std::vector<placed_record> out;
    std::size_t room = 64 << 10;
    while (out.size() < limit) {
        const std::string bytes = chunk(begin, room);
        std::size_t at = 0;
        for (std::size_t newline; out.size() < limit; at = newline + 1) {
            if (at < bytes.size() && bytes[at] == '\0') return out;
            newline = bytes.find('\n', at);
            if (newline == std::string::npos) break;
            auto record = from_line(std::string_view(bytes).substr(at, newline - at));
            if (!record && out.empty())
                return permanent("feed_fork", "no record at byte " + std::to_string(begin + at));
            if (!record) return out;
            out.push_back({std::move(*record), begin + at, begin + newline + 1});
        }
        if (at == 0 && bytes.size() >= line_max)
            return permanent("feed_fork", "no record at byte " + std::to_string(begin));
        if (bytes.size() < room && at == 0) break;
        if (at == 0) room = line_max;
        begin += at;
    }
    return out;
}

result<std::uint64_t> feed_file::find(sequence at) const {
    std::uint64_t low = 0, high = size();
    while (high - low > line_max) {
        const std::uint64_t middle = low + (high - low) / 2;
        const std::uint64_t line = next_line(middle);
        const auto found = line < high ? records(line, 1) : std::vector<placed_record>{};
        if (!found) return tl::unexpected(found.error());
        if (found->empty() || found->front().record.at > at)
            high = middle;
        else
            low = line;
    }
    for (;;) {
        const auto some = records(low, 64);
        if (!some) return tl::unexpected(some.error());
        for (const auto& one : *some)
            if (one.record.at >= at) return one.begin;
        if (some->empty()) return low;
        low = some->back().end;
    }
}

result<std::optional<placed_record>> feed_file::last() const {
    // Three of the longest lines hold whatever was not synced when the power went (feed_writer.hpp), and
    // the record before: that one is believed, then they must follow, one from the other.
    for (std::uint64_t end = size(); end > 0;) {
        const std::uint64_t from = end > tail_max ? end - tail_max : 0;
        const auto found = records(from ? next_line(from) : 0, line_max);
        if (!found) return tl::unexpected(found.error());
        const placed_record* sound = nullptr;
        for (const auto& one : *found) {
            const auto before = sound ? sound->record : port::feed_record{};
            const chain::feed_point seen{before.at.value, before.incarnation, before.link};
            const chain::feed_point next{one.record.at.value, one.record.incarnation,
                                         one.record.link};
            if ((sound || !from) && !chain::follows(seen, next, one.record.bytes)) break;
            sound = &one;
        }
        if (sound) return *sound;
        end = from;
    }
    return std::nullopt;
}

}  // namespace caravan::adapter
