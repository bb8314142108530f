// GET /v1/events: the journal as NDJSON, and kept open with follow=true.
#include <atomic>

#include "adapters/http/session.hpp"

namespace caravan::http {

namespace {

constexpr std::size_t lines_at_once = 500;  // lines fetched and written at once
constexpr std::size_t all_there_are = SIZE_MAX;

struct fetched {
    std::vector<std::string> lines;
    position upto;
};

task<fetched> fetch(core& at, const port::caller& who, const port::event_filter& wanted) {
    const auto answer = expect<fetched>(at);
    at.desk.events(who, wanted, [taker = answer->taker()](std::vector<std::string> lines, position upto) {
        taker(fetched{std::move(lines), upto});
    });
    co_return co_await answer->take();
}

}  // namespace

task<void> session::read_events() {
    const auto after = asked_.number("after");
    const auto limit = asked_.number("limit");
    const auto follow = asked_.flag("follow");
    if (!after || !limit || !follow) {
        const auto& why = !after ? after.error() : !limit ? limit.error() : follow.error();
        co_await say({400, why.reason, why.detail});
        co_return;
    }
    port::event_filter wanted;
    wanted.after = position(after->value_or(0));
    wanted.types = asked_.list("type");
    wanted.subjects = asked_.list("subject");
    wanted.saga = asked_.text("saga");
    wanted.limit = limit->value_or(*follow ? 0 : all_there_are);
    if (*follow) {
        keep_ = false;  // who follows is watched for leaving, so nothing else can be read
        co_await follow_events(std::move(wanted), limit->has_value());
        co_return;
    }
    if (!co_await begin_lines()) throw boost::system::system_error(asio::error::connection_aborted);
    for (auto left = wanted.limit; left > 0;) {
        wanted.limit = std::min(left, lines_at_once);
        const auto got = co_await fetch(at_, who_, wanted);
        if (!co_await say_lines(got.lines))
            throw boost::system::system_error(asio::error::connection_aborted);
        left -= std::min(left, got.lines.size());
        if (got.upto <= wanted.after) break;
        wanted.after = got.upto;
    }
    co_await end_lines();
}

// News only wakes: the lines always come from the journal, so that nothing is queued for a slow reader.
task<void> session::follow_events(port::event_filter wanted, bool bounded) {
    auto left = bounded ? wanted.limit : ~std::size_t{0};
    auto news = std::make_shared<asio::steady_timer>(at_.io, asio::steady_timer::time_point::max());
    auto posted = std::make_shared<std::atomic<bool>>(false);
    const auto held = at_.subscribe(
        wanted, [at = at_.shared_from_this(), news, posted](const port::news& heard) {
            if (heard.what != port::news::kind::event || posted->exchange(true)) return;
            asio::post(at->io, [news] { news->cancel(); });
        });
    if (!co_await begin_lines()) co_return;
    asio::co_spawn(at_.io, notice_departure(news), asio::detached);
    bool heard = true;
    while (heard && left > 0 && !departed_) {
        posted->store(false);
        wanted.limit = std::min(left, lines_at_once);
        const auto got = co_await fetch(at_, who_, wanted);
        heard = co_await say_lines(got.lines);
        left -= std::min(left, got.lines.size());
        const bool more = got.upto > wanted.after;
        if (more) wanted.after = got.upto;
        if (more || posted->load() || left == 0) continue;
        error_code woken;
        co_await news->async_wait(into(woken));
    }
    if (heard && !departed_) co_await end_lines();
    departed_ = true;
}

task<void> session::notice_departure(std::shared_ptr<asio::steady_timer> news) {
    const auto self = shared_from_this();
    char scratch[256];
    error_code ec;
    while (!ec) co_await stream_.async_read_some(asio::buffer(scratch), into(ec));
    departed_ = true;
    news->cancel();
}

}  // namespace caravan::http
