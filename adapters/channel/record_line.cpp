#include "adapters/channel/record_line.hpp"

namespace caravan::channel {
namespace {

constexpr std::size_t waiting_max = 256 << 10;
constexpr auto pace =
    std::chrono::milliseconds(900);  // "each second", looked at ten times a second

}  // namespace

record_line::record_line(std::shared_ptr<wire> on, std::function<void(const std::string&)> heard,
                         std::function<void()> gone)
    : line_(std::move(on)),
      heard_(std::move(heard)),
      gone_(std::move(gone)),
      heard_at_(std::chrono::steady_clock::now()),
      sent_at_(heard_at_) {}

void record_line::start() {
    line_->when_reset([held = weak_from_this()] {
        if (const auto self = held.lock()) self->end();
    });
    put(type::keepalive, {});
    pull();
}

result<void> record_line::send(const std::string& record) {
    if (record.size() > record_size_max) return permanent("too_large", "record over 64 KiB");
    if (waiting_.size() + record.size() > waiting_max) return transient("record_queue_full");
    put(type::record, record);
    return {};
}

void record_line::beat(moment now) {
    if (now - sent_at_ < pace) return;
    sent_at_ = now;
    if (waiting_.size() < waiting_max) put(type::keepalive, {});
}

void record_line::put(type what, const std::string& payload) {
    const std::size_t size = payload.size() + 1;
    for (int shift = 24; shift >= 0; shift -= 8)
        waiting_ += static_cast<char>(size >> shift & 0xff);
    waiting_ += static_cast<char>(what);
    waiting_ += payload;
    push();
}

void record_line::push() {
    if (pushing_ || waiting_.empty() || !line_) return;
    pushing_ = true;
    line_->write_all(std::exchange(waiting_, {}), [self = shared_from_this()](bool whole) {
        self->pushing_ = false;
        whole ? self->push() : self->end();
    });
}

void record_line::pull() {
    if (!line_) return;
    line_->read_exactly(4, [self = shared_from_this()](bool whole, const std::string& head) {
        std::size_t size = 0;
        for (const char c : head) size = size << 8 | static_cast<unsigned char>(c);
        if (!whole || !self->line_ || size < 1 || size > record_size_max + 1) return self->end();
        self->line_->read_exactly(size, [self](bool full, const std::string& frame) {
            full ? self->took(frame) : self->end();
        });
    });
}

void record_line::took(const std::string& frame) {
    if (!line_) return;
    heard_at_ = std::chrono::steady_clock::now();
    const auto what = static_cast<type>(frame.front());
    if (what == type::keepalive && waiting_.size() < waiting_max) put(type::echo, {});
    if (what == type::record) heard_(frame.substr(1));
    // A fresh turn of the loop, so that a flood of frames neither nests nor starves the others.
    if (line_)
        line_->when(wire::outcome::wait_write, [self = shared_from_this()] { self->pull(); });
}

void record_line::end() {
    if (!line_) return;
    std::exchange(line_, nullptr)->abort();
    if (const auto told = std::exchange(gone_, nullptr)) told();
}

void record_line::stop() {
    gone_ = nullptr;
    end();
}

}  // namespace caravan::channel
