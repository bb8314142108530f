// live: one WebSocket of GET /v1/stream. The client says {"subscribe":{"after":N,"types":[…],
// "subjects":[…]}} (again at any time: it replaces what was), the server answers {"hello":{…}}, then
// {"snapshot":STATE} if it could not resume at N, then {"event":…} and {"progress":…} frames.
//
// Events come in order, without a hole, each once. Progress of one thing replaces what is queued of
// that thing. A full queue is dropped and replaced by one snapshot; full again before the reader has
// caught up, the socket is closed with 1013 (try again later).
#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "adapters/http/core.hpp"

namespace caravan::http {

class live : public std::enable_shared_from_this<live> {
  public:
    using upgrade = wire::request<wire::empty_body>;
    live(core&, tls_stream&&, port::caller);
    task<void> run(upgrade);  // until the socket is closed

  private:
    using frame = std::shared_ptr<const std::string>;
    enum class lapse : std::uint8_t { none, snapshot, hopeless };

    task<void> read();
    void hear(const port::news&);      // from any thread
    void doom();                       // on the gateway's thread: a last chance to hear 1013
    void apply(std::string_view text);  // what the client said
    task<void> write();
    task<bool> begin();                // a subscription: hello, and what lies before now
    task<bool> replay(position upto);
    task<bool> snapshot();
    task<bool> send(std::string text);
    task<bool> send_queued();
    task<port::answer> state(const char* path);
    task<void> close(websocket::close_code);

    core& at_;
    websocket::stream<tls_stream> socket_;
    port::caller who_;
    asio::steady_timer news_, last_chance_;
    std::optional<port::event_filter> wanted_;  // asked for, not begun
    port::event_filter filter_;
    std::shared_ptr<core::seat> seat_;
    position sent_;  // events up to here are with the client
    bool closed_ = false, unreadable_ = false;

    std::mutex mutex_;  // guards what follows: news come from any thread
    std::deque<port::news> queue_;
    std::map<std::string, frame> progress_;  // by the thing that progresses
    lapse lapse_ = lapse::none;
    bool catching_up_ = false;  // a lapse was answered and the queue has not been empty since
    bool waking_ = false;
};

}  // namespace caravan::http
