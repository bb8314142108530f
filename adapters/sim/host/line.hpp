// line: a connected unix socket, and one that listens, for threads that wait. Every wait ends early when
// `stop` is requested or when the line it depends on hangs up.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>

#include "events/result.hpp"

namespace caravan::sim {

class line;
struct patience {
    std::stop_token stop;
    const line* guard = nullptr;  // when it hangs up, whatever is waited for is in vain
};

// False: in vain.
bool rest(std::chrono::milliseconds, const patience&);

class line {
  public:
    static std::optional<line> dial(const std::filesystem::path&);
    explicit line(int fd) : fd_(fd) {}
    line(line&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
    line& operator=(line&& from) noexcept {
        std::swap(fd_, from.fd_);
        return *this;
    }
    ~line();

    // All of it, or false: ended, broken, or in vain.
    bool read(std::span<char>, const patience&);
    bool write(std::string_view, const patience&);
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

class ear {
  public:
    // Transient "cannot_listen". Takes the place of one that an earlier life left.
    static result<ear> open(const std::filesystem::path&);
    ear(ear&& from) noexcept : fd_(std::exchange(from.fd_, -1)), at_(std::move(from.at_)) {}
    ~ear();

    std::optional<line> accept(const patience&);

  private:
    ear(int fd, std::filesystem::path at) : fd_(fd), at_(std::move(at)) {}
    int fd_;
    std::filesystem::path at_;
};

}  // namespace caravan::sim
