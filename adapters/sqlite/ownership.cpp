#include "adapters/sqlite/ownership.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace caravan::adapter {
namespace {

std::string owner_of(int file) {
    std::array<char, 24> text{};
    const ssize_t got = ::pread(file, text.data(), text.size() - 1, 0);
    return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : "unknown";
}

}  // namespace

result<ownership> ownership::take(const std::string& path) {
    const std::string beside = path + ".lock";
    ownership taken;
    taken.file_ = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (taken.file_ < 0) return permanent("journal_failed", beside + ": " + std::strerror(errno));
    if (::flock(taken.file_, LOCK_EX | LOCK_NB) != 0)
        return permanent("journal_in_use", "another controller holds " + path + " (pid " +
                                               owner_of(taken.file_) + ")");
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(taken.file_, 0) != 0 || ::pwrite(taken.file_, pid.data(), pid.size(), 0) < 0)
        return permanent("journal_failed", beside + ": " + std::strerror(errno));
    return taken;
}

ownership::ownership(ownership&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
ownership& ownership::operator=(ownership&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}
ownership::~ownership() {
    if (file_ >= 0) ::close(file_);
}

}  // namespace caravan::adapter
