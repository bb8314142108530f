#include "adapters/http/live.hpp"

#include "adapters/http/session.hpp"
#include "events/json.hpp"

namespace caravan::http {

namespace {

constexpr std::size_t said_max = 64u << 10;     // bytes of one message from the client
constexpr std::size_t things_max = 256;         // that progress at once
constexpr std::size_t page = 500;
constexpr int send_buffer = 64 << 10;           // so that a slow reader is noticed
constexpr auto silence_max = std::chrono::seconds(30);

std::uint64_t position_in(const std::string& json) {
    const auto parsed = json_document::parse(json, json.size());
    if (!parsed) return 0;
    const auto found = parsed->root().at("position");
    return found ? found->as_uint().value_or(0) : 0;
}

// Which thing a progress line is of: the first of these members that it has.
std::string thing_of(const std::string& json) {
    const auto parsed = json_document::parse(json, json.size());
    if (!parsed) return {};
    for (const char* key : {"migration", "id", "subject"})
        if (const auto found = parsed->root().at(key))
            if (const auto text = found->as_text()) return std::string(*text);
    return {};
}

std::vector<std::string> texts(const json_value& of, std::string_view key) {
    std::vector<std::string> all;
    if (const auto found = of.at(key))
        for (const auto& item : found->items())
            if (const auto text = item.as_text()) all.emplace_back(*text);
    return all;
}

}  // namespace

task<void> session::stream() {
    if (!websocket::is_upgrade(head_->get())) {
        co_await say({426, "websocket_needed", "/v1/stream is a WebSocket: send an Upgrade"});
        co_return;
    }
    upgraded_ = true;
    auto made = std::make_shared<live>(at_, std::move(stream_), who_);
    co_await made->run(head_->get());
}

live::live(core& at, tls_stream&& secured, port::caller who)
    : at_(at), socket_(std::move(secured)), who_(std::move(who)), news_(at.io), last_chance_(at.io) {
    news_.expires_at(asio::steady_timer::time_point::max());
    auto& lowest = beast::get_lowest_layer(socket_);
    lowest.expires_never();  // the WebSocket has timers of its own from here on
    error_code ignored;
    lowest.socket().set_option(asio::socket_base::send_buffer_size(send_buffer), ignored);
    socket_.set_option(websocket::stream_base::timeout{silence_max, silence_max, true});
    socket_.read_message_max(said_max);
    socket_.text(true);
}

task<void> live::run(upgrade request) {
    const auto self = shared_from_this();
    const bool named = wire::token_list(request[wire::field::sec_websocket_protocol]).exists("caravan.v1");
    if (named)
        socket_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
            response.set(wire::field::sec_websocket_protocol, "caravan.v1");
        }));
    error_code ec;
    co_await socket_.async_accept(request, into(ec));
    if (ec) co_return;
    asio::co_spawn(at_.io, read(), asio::detached);
    co_await write();
    closed_ = true;
    seat_.reset();
    beast::get_lowest_layer(socket_).close();
}

task<void> live::read() {
    const auto self = shared_from_this();
    error_code ec;
    while (!ec) {
        beast::flat_buffer buffer;
        co_await socket_.async_read(buffer, into(ec));
        if (!ec) apply(beast::buffers_to_string(buffer.data()));
    }
    closed_ = true;
    news_.cancel();
}

void live::apply(std::string_view text) {
    const auto said = json_document::parse(text);
    const auto asked = said ? said->root().at("subscribe") : std::nullopt;
    if (!asked || asked->what() != json_value::kind::object) {
        unreadable_ = true;
    } else {
        port::event_filter filter;
        const auto after = asked->at("after");
        // Who names no position wants the state first: the same as a position that is long gone.
        filter.after = position(after ? after->as_uint().value_or(~0ull) : ~0ull);
        filter.types = texts(*asked, "types");
        filter.subjects = texts(*asked, "subjects");
        wanted_ = std::move(filter);
    }
    news_.cancel();
}

void live::hear(const port::news& heard) {
    bool hopeless = false;
    std::string thing;
    if (heard.what == port::news::kind::progress) thing = thing_of(*heard.json);
    {
        const std::scoped_lock hold(mutex_);
        if (heard.what == port::news::kind::progress) {
            if (progress_.size() < things_max || progress_.count(thing)) progress_[thing] = heard.json;
        } else if (queue_.size() < at_.config.limits.frames) {
            queue_.push_back(heard);
        } else {
            queue_.clear();
            hopeless = lapse_ != lapse::none || catching_up_;
            lapse_ = hopeless ? lapse::hopeless : lapse::snapshot;
        }
        if (waking_ && !hopeless) return;
        waking_ = true;
    }
    asio::post(at_.io, [self = shared_from_this(), hopeless] {
        {
            const std::scoped_lock hold(self->mutex_);
            self->waking_ = false;
        }
        if (hopeless) self->doom();
        self->news_.cancel();
    });
}

// The writer may be stuck in a write that never ends: cut it off when it had its chance.
void live::doom() {
    if (closed_ || last_chance_.expiry() != asio::steady_timer::time_point{}) return;
    last_chance_.expires_after(at_.config.limits.doomed);
    last_chance_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec) beast::get_lowest_layer(self->socket_).close();
    });
}

task<void> live::write() {
    bool going = true;
    while (going && !closed_) {
        lapse missed;
        bool queued;
        {
            const std::scoped_lock hold(mutex_);
            missed = lapse_;
            queued = !queue_.empty() || !progress_.empty();
            if (!queued && missed == lapse::none) catching_up_ = false;
        }
        if (unreadable_) {
            co_await close(websocket::close_code::policy_error);
            going = false;
        } else if (missed == lapse::hopeless) {
            co_await close(websocket::close_code::try_again_later);
            going = false;
        } else if (wanted_) {
            going = co_await begin();
        } else if (missed == lapse::snapshot) {
            {
                const std::scoped_lock hold(mutex_);
                queue_.clear();
                lapse_ = lapse::none;
                catching_up_ = true;
            }
            going = co_await snapshot();
        } else if (queued) {
            going = co_await send_queued();
        } else {
            error_code woken;
            co_await news_.async_wait(into(woken));
        }
    }
    last_chance_.cancel();
}

// Subscribes first and looks back second, so that nothing falls between.
task<bool> live::begin() {
    filter_ = std::move(*wanted_);
    wanted_.reset();
    seat_.reset();
    {
        const std::scoped_lock hold(mutex_);
        queue_.clear();
        progress_.clear();
        lapse_ = lapse::none;
        catching_up_ = false;
    }
    seat_ = at_.subscribe(filter_, [at = at_.shared_from_this(), weak = weak_from_this()](
                                       const port::news& heard) {
        if (const auto self = weak.lock()) self->hear(heard);
    });
    const auto status = co_await state("/status");
    const auto now = status.status == 200 ? position_in(status.json) : 0;
    const bool recovered = filter_.after.value <= now &&
                           now - filter_.after.value <= at_.config.limits.catch_up;
    const bool told = co_await send(
        "{\"hello\":{\"epoch\":\"" + at_.epoch + "\",\"position\":" + std::to_string(now) +
        ",\"recovered\":" + (recovered ? "true" : "false") + "}}");
    if (!told) co_return false;
    if (!recovered) co_return co_await snapshot();
    sent_ = filter_.after;
    co_return co_await replay(position(now));
}

task<bool> live::replay(position upto) {
    while (sent_ < upto && !closed_) {
        auto wanted = filter_;
        wanted.after = sent_;
        wanted.limit = page;
        using answered = std::pair<std::vector<std::string>, position>;
        const auto answer = expect<answered>(at_);
        at_.desk.events(who_, wanted, [taker = answer->taker()](std::vector<std::string> lines, position last) {
            taker(answered{std::move(lines), last});
        });
        const auto got = co_await answer->take();
        for (const auto& line : got.first)
            if (!co_await send("{\"event\":" + line + "}")) co_return false;
        if (got.second <= sent_) break;
        sent_ = got.second;
    }
    co_return true;
}

task<bool> live::snapshot() {
    const auto whole = co_await state("/state");
    if (whole.status != 200) {
        co_await close(websocket::close_code::try_again_later);
        co_return false;
    }
    sent_ = position(position_in(whole.json));
    co_return co_await send("{\"snapshot\":" + whole.json + "}");
}

task<bool> live::send_queued() {
    port::news next;
    frame progress;
    {
        const std::scoped_lock hold(mutex_);
        if (!queue_.empty()) {
            next = std::move(queue_.front());
            queue_.pop_front();
        } else if (!progress_.empty()) {
            progress = std::move(progress_.begin()->second);
            progress_.erase(progress_.begin());
        }
    }
    if (progress) co_return co_await send("{\"progress\":" + *progress + "}");
    if (!next.json || next.at <= sent_) co_return true;  // it was in the snapshot or the replay
    sent_ = next.at;
    co_return co_await send("{\"event\":" + *next.json + "}");
}

task<port::answer> live::state(const char* path) {
    const auto answer = expect<port::answer>(at_);
    at_.desk.read(who_, path, "", answer->taker());
    co_return co_await answer->take();
}

task<bool> live::send(std::string text) {
    error_code ec;
    co_await socket_.async_write(asio::buffer(text), into(ec));
    co_return !ec;
}

task<void> live::close(websocket::close_code code) {
    error_code ec;
    doom();
    co_await socket_.async_close(code, into(ec));
}

}  // namespace caravan::http
