// opening: what both ends of the port do around a stream's begin: a beat ten times a second, and
// hearing a preface in time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>  // before any Asio header (Boost 1.74 and C++20)
#include <vector>

#include "adapters/channel/preface.hpp"
#include "adapters/channel/wire.hpp"

namespace caravan::channel {

// Probes and keepalives go each second: less would be a stall without darkness.
inline constexpr std::chrono::milliseconds stall_min{2000};

class ticking {
  public:
    ticking(boost::asio::io_context& io, std::function<void()> each);
    void once(std::function<void()> next) { once_.push_back(std::move(next)); }  // at the next beat

  private:
    void arm();
    boost::asio::steady_timer timer_;
    std::function<void()> each_;
    std::vector<std::function<void()>> once_;
};

// Nothing is told of a stream whose preface is late or malformed: it is closed.
void hear_preface(const std::shared_ptr<wire>&, std::chrono::milliseconds patience,
                  std::function<void(const preface&)> heard);

}  // namespace caravan::channel
