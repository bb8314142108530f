#include "adapters/http/link_connection.hpp"

namespace caravan::http {

link_connection::link_connection(tls_stream&& secured, std::chrono::milliseconds dead_after)
    : socket_(std::move(secured)), news_(socket_.get_executor()) {
    news_.expires_at(asio::steady_timer::time_point::max());
    // The WebSocket has timers of its own from here on.
    beast::get_lowest_layer(socket_).expires_never();
    error_code ignored;
    beast::get_lowest_layer(socket_).socket().set_option(tcp::no_delay(true), ignored);
    socket_.set_option(websocket::stream_base::timeout{dead_after, dead_after, true});
    socket_.read_message_max(link_frame_max);
    socket_.text(true);
    // A large frame goes in pieces, so that a ping finds its way between them on a slow connection.
    socket_.auto_fragment(true);
    socket_.write_buffer_bytes(64u << 10);
}

void link_connection::send(std::string frame) {
    {
        const std::scoped_lock hold(mutex_);
        if (overrun_ || closing_) return;
        if (queue_.size() < link_queue_max) {
            queue_.push_back(std::move(frame));
        } else {
            overrun_ = true;
            queue_.clear();
        }
    }
    wake_from_anywhere();
}

void link_connection::close() {
    {
        const std::scoped_lock hold(mutex_);
        closing_ = true;
        queue_.clear();
    }
    wake_from_anywhere();
}

void link_connection::wake_from_anywhere() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        bool end;
        {
            const std::scoped_lock hold(self->mutex_);
            end = self->overrun_ || self->closing_;
        }
        if (end) self->cut();
        self->news_.cancel();
    });
}

// Without a closing handshake: whoever is cut off here is not reading, or is being replaced.
void link_connection::cut() {
    ended_ = true;
    news_.cancel();
    beast::get_lowest_layer(socket_).close();
}

task<void> link_connection::write() {
    const auto self = shared_from_this();
    error_code ec;
    while (!ended_ && !ec) {
        std::string frame;
        bool some = false;
        {
            const std::scoped_lock hold(mutex_);
            if (!queue_.empty()) {
                frame = std::move(queue_.front());
                queue_.pop_front();
                some = true;
            }
        }
        if (some) {
            co_await socket_.async_write(asio::buffer(frame), into(ec));
        } else {
            error_code woken;
            co_await news_.async_wait(into(woken));
        }
    }
    if (!ended_) cut();  // so that the reader ends too
}

task<std::string> link_connection::run(std::function<void(std::string)> received) {
    const auto self = shared_from_this();
    asio::co_spawn(socket_.get_executor(), [self] { return self->write(); }, asio::detached);
    error_code ec;
    while (!ended_) {
        beast::flat_buffer buffer;
        co_await socket_.async_read(buffer, into(ec));
        if (ec) break;
        received(beast::buffers_to_string(buffer.data()));
    }
    bool overrun;
    {
        const std::scoped_lock hold(mutex_);
        overrun = overrun_;
    }
    if (!ended_) cut();
    if (overrun) co_return "its queue of " + std::to_string(link_queue_max) + " frames was full";
    if (ec == beast::error::timeout) co_return "it answered no ping";
    co_return ec ? ec.message() : "closed";
}

}  // namespace caravan::http
