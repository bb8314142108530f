// POST /v1/events in its four forms.
#include "adapters/http/cloud_event.hpp"
#include "adapters/http/session.hpp"
#include "events/json.hpp"

namespace caravan::http {

namespace {

std::string lower(beast::string_view text) {
    std::string out(text.data(), text.size());
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return out;
}

std::string_view media_type(std::string_view type) {
    type = type.substr(0, type.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    return type;
}

std::string malformed_receipt(const std::string& detail) {
    std::string text;
    json_out out(text);
    out.begin_object();
    for (const auto& [key, value] : {std::pair{"status", std::string("malformed")},
                                     {"reason", std::string("malformed")},
                                     {"pointer", std::string()},
                                     {"detail", detail}}) {
        out.key(key);
        out.value(std::string_view(value));
    }
    out.end_object();
    return text;
}

}  // namespace

task<void> session::post_events() {
    const auto& fields = head_->get();
    const auto type = lower(fields[wire::field::content_type]);
    const auto form = std::string(media_type(type));
    std::vector<header> attributes;
    for (const auto& field : fields)
        if (auto name = lower(field.name_string()); name.starts_with("ce-"))
            attributes.emplace_back(std::move(name), field.value().to_string());

    if (form == "application/x-ndjson") {
        co_await post_stream();
        co_return;
    }
    if (form == "application/cloudevents-batch+json") {
        co_await post_batch();
        co_return;
    }
    const bool structured =
        form == "application/cloudevents+json" || (form == "application/json" && attributes.empty());
    if (!structured && attributes.empty()) {
        co_await say({415, "unsupported_media_type",
                      "send application/cloudevents+json, application/cloudevents-batch+json, "
                      "application/x-ndjson, or ce- headers"});
        co_return;
    }
    auto text = co_await body(at_.config.limits.event);
    if (!text) {
        co_await say({413, text.error().reason, text.error().detail});
        co_return;
    }
    if (!structured) text = from_binary(attributes, type, *text);
    if (!text)
        co_await say({text.error().reason == "malformed" ? 400 : 415, text.error().reason,
                      text.error().detail});
    else
        co_await post_one(std::move(*text));
}

// The body is the receipt in every case; where it is not an acceptance it is a problem too (RFC 9457
// lets a problem carry more members; "status" there is the receipt's word, the number is HTTP's).
task<void> session::post_one(std::string event) {
    const auto answer = expect<std::string>(at_);
    at_.desk.submit(who_, std::move(event), answer->taker());
    auto receipt = co_await answer->take();
    const int status = http_status(receipt);
    co_await say(status, status < 300 ? "application/json" : "application/problem+json",
                 std::move(receipt));
}

task<void> session::post_batch() {
    auto text = co_await body(at_.config.limits.batch);
    if (!text) {
        co_await say({413, text.error().reason, text.error().detail});
        co_return;
    }
    auto events = from_batch(*text, at_.config.limits.batch_events);
    if (!events) {
        co_await say({events.error().reason == "malformed" ? 400 : 413, events.error().reason,
                      events.error().detail});
        co_return;
    }
    auto row = std::make_shared<receipts>(at_, who_);
    std::string answer = "[";
    std::size_t next = 0, answered = 0;
    while (answered < events->size()) {
        for (; next < events->size() && row->outstanding() < at_.config.limits.receipts; ++next)
            row->submit(std::move((*events)[next]));
        for (auto& receipt : co_await row->take()) {
            if (answered++ > 0) answer += ',';
            answer += receipt;
        }
    }
    answer += ']';
    co_await say(200, "application/json", std::move(answer));
}

// Reads and answers at the same time; what bounds the one is how fast the other is taken.
task<void> session::post_stream() {
    auto row = std::make_shared<receipts>(at_, who_);
    if (!co_await begin_lines()) throw boost::system::system_error(asio::error::connection_aborted);
    asio::co_spawn(
        at_.io,
        [](std::shared_ptr<session> self, std::shared_ptr<receipts> into_row) -> task<void> {
            co_await self->read_lines(into_row);
            into_row->finish();
        }(shared_from_this(), row),
        asio::detached);
    bool heard = true;
    while (heard) {
        const auto next = co_await row->take();
        if (next.empty()) break;
        heard = co_await say_lines(next);
    }
    if (!heard) {
        row->abandon();
        beast::get_lowest_layer(stream_).close();
        throw boost::system::system_error(asio::error::connection_aborted);
    }
    if (!body_read_) keep_ = false;
    co_await end_lines();
}

task<void> session::read_lines(std::shared_ptr<receipts> row) {
    const auto longest = at_.config.limits.event;
    wire::request_parser<wire::buffer_body> body{std::move(*head_)};
    body.body_limit(UINT64_MAX);  // each line has its own bound
    std::vector<char> piece(64u << 10);
    std::string line;
    const auto submit = [&row, &line] {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty()) row->submit(std::exchange(line, {}));
    };
    error_code ec;
    while (!body.is_done()) {
        body.get().body().data = piece.data();
        body.get().body().size = piece.size();
        body.get().body().more = true;
        co_await wire::async_read_some(stream_, buffer_, body, into(ec));
        if (ec == wire::error::need_buffer) ec = {};
        if (ec) co_return;  // gone, or not HTTP: what was submitted is still answered
        std::string_view fresh(piece.data(), piece.size() - body.get().body().size);
        for (auto end = fresh.find('\n'); !fresh.empty(); end = fresh.find('\n')) {
            line.append(fresh.substr(0, end));
            if (line.size() > longest) {
                row->append(malformed_receipt("a line is at most " + std::to_string(longest) +
                                              " bytes; the stream ends here"));
                co_return;
            }
            if (end == std::string_view::npos) break;
            fresh.remove_prefix(end + 1);
            submit();
            if (!co_await row->room(at_.config.limits.receipts)) co_return;
        }
    }
    submit();  // a last line needs no line feed
    body_read_ = true;
}

}  // namespace caravan::http
