#include "adapters/channel/opening.hpp"

namespace caravan::channel {
namespace {

constexpr auto beat = std::chrono::milliseconds(100);

}  // namespace

ticking::ticking(boost::asio::io_context& io, std::function<void()> each)
    : timer_(io), each_(std::move(each)) {
    arm();
}

void ticking::arm() {
    timer_.expires_after(beat);
    timer_.async_wait([this](auto error) {
        if (error) return;
        arm();
        for (const auto& next : std::exchange(once_, {})) next();
        each_();
    });
}

void hear_preface(const std::shared_ptr<wire>& line, std::chrono::milliseconds patience,
                  std::function<void(const preface&)> heard) {
    line->give_up_after(patience);
    line->read_exactly(preface_head_size, [=](bool whole, const std::string& head) {
        const auto length = whole ? preface_length(head) : permanent("malformed");
        if (!length) return line->abort();
        line->read_exactly(*length, [=](bool full, const std::string& text) {
            const auto said = full ? read_preface(head, text) : permanent("malformed");
            if (!said) return line->abort();
            line->give_up_after({});
            heard(*said);
        });
    });
}

}  // namespace caravan::channel
