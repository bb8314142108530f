// net: Boost.Asio and Boost.Beast as this folder names them. Included by sources and inner headers
// only: no header that another folder sees mentions Boost.
#pragma once

#include <utility>  // before Asio: Boost 1.74's awaitable.hpp uses std::exchange without it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace caravan::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using tls_stream = beast::ssl_stream<beast::tcp_stream>;
template <class T>
using task = asio::awaitable<T>;

// How a loop ends that nobody awaits. It answers for every failure itself: what leaves it all the same is a
// defect, and ends the process, which is started again, rather than leave it running and deaf.
inline constexpr auto unattended = [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
};

// Awaits, and puts the outcome into `ec` rather than throwing it.
inline auto into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

}  // namespace caravan::http
