// packets: raw frames of an EtherType for experiments (IEEE 802, 0x88b5), sent and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "ground.hpp"

namespace caravan::van::test {

// Counts experimental frames that arrive at a device of a namespace.
class ear {
  public:
    ear(const space&, const std::string& device);
    ~ear();
    ear(const ear&) = delete;
    ear& operator=(const ear&) = delete;
    std::uint64_t heard();  // so far

  private:
    int fd_ = -1;
    std::uint64_t count_ = 0;
};

// Broadcasts experimental frames from a device as fast as is polite, from construction to
// destruction.
class mouth {
  public:
    mouth(const space&, const std::string& device);
    ~mouth();
    mouth(const mouth&) = delete;
    mouth& operator=(const mouth&) = delete;
    std::uint64_t said() const { return said_; }

  private:
    int fd_ = -1;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> said_{0};
    std::thread thread_;
};

// One TCP connection from one namespace to another, one way.
struct stream_result {
    std::uint64_t bytes = 0;  // received
    std::uint64_t sent_sum = 0, received_sum = 0;
    std::chrono::duration<double> took{};
};
stream_result tcp_stream(const space& from, const space& to, const std::string& address,
                         std::uint64_t bytes);

}  // namespace caravan::van::test
