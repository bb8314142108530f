// middle_man: a stretch of WAN on loopback that can go dark: it stops forwarding, and neither end
// is told.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace caravan::test {

class middle_man {
  public:
    explicit middle_man(std::uint16_t to);
    ~middle_man();
    std::uint16_t port() const { return port_; }
    void go_dark() { dark_ = true; }
    void heal() { dark_ = false; }

  private:
    void run();
    const std::uint16_t to_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<bool> dark_{false}, over_{false};
    std::thread thread_;
};

int connect_tcp(std::uint16_t port);  // to 127.0.0.1

}  // namespace caravan::test
