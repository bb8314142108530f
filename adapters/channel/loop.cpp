#include "adapters/channel/loop.hpp"

#include <csignal>

namespace caravan::channel {

loop::loop() : busy_(boost::asio::make_work_guard(io_)) {
    thread_ = std::thread([this] {
        sigset_t pipe;  // OpenSSL writes without MSG_NOSIGNAL
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        io_.run();
    });
}

void loop::stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
}

}  // namespace caravan::channel
