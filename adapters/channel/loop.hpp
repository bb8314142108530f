// loop: the one thread on which an adapter's sockets live.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <thread>
#include <utility>  // before any Asio header (Boost 1.74 and C++20)

namespace caravan::channel {

class loop {
  public:
    loop();
    ~loop() { stop(); }
    boost::asio::io_context& io() noexcept { return io_; }
    // Ends the thread. What was posted and not run never runs.
    void stop();

    // Runs `work` on the thread and answers what it answers; at once if this is the thread.
    template <class Work>
    auto call(Work work) -> decltype(work()) {
        if (thread_.get_id() == std::this_thread::get_id()) return work();
        std::packaged_task<decltype(work())()> task(std::move(work));
        auto answer = task.get_future();
        boost::asio::post(io_, std::move(task));
        return answer.get();
    }

  private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_;
    std::thread thread_;
};

}  // namespace caravan::channel
