// limiter: token buckets by name. Each refills at `rate` a second up to twice that; names that have not
// been heard of for long cost nothing. Not for use from two threads.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

namespace caravan::http {

class limiter {
  public:
    using time = std::chrono::steady_clock::time_point;
    explicit limiter(double rate) : rate_(rate) {}
    bool take(const std::string& name, time now);
    bool empty(const std::string& name, time now);  // looks, takes nothing

  private:
    struct bucket {
        double left = 0;
        time seen;
    };
    bucket& refilled(const std::string& name, time now);
    double rate_;
    std::unordered_map<std::string, bucket> buckets_;
};

}  // namespace caravan::http
