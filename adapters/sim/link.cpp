#include "adapters/sim/link.hpp"

namespace caravan::sim {

class link_hub::server_end final : public port::link_server {
  public:
    explicit server_end(link_hub& hub) : hub_(hub) {}
    ~server_end() override { hub_.hush(); }
    void listen(port::link_listener& listener) override {
        std::vector<port::device> all;
        {
            const std::lock_guard lock(hub_.mutex_);
            hub_.at_server_ = &listener;
            for (const auto& [who, w] : hub_.wires_) all.push_back(who);
        }
        for (const auto& who : all) hub_.dial(who);
    }
    void send(const port::device& to, std::string frame) override {
        const std::lock_guard lock(hub_.mutex_);
        const auto found = hub_.wires_.find(to);
        if (found == hub_.wires_.end() || !found->second.up) return;
        hub_.to_device(to, found->second.number, [to, frame = std::move(frame)](auto& l) mutable {
            l.received(to, std::move(frame));
        });
    }

  private:
    link_hub& hub_;
};

class link_hub::client_end final : public port::link_client {
  public:
    client_end(link_hub& hub, port::device who) : hub_(hub), who_(std::move(who)) {}
    ~client_end() override { hub_.hush(who_); }
    void listen(port::link_listener& listener) override {
        {
            const std::lock_guard lock(hub_.mutex_);
            hub_.wires_[who_].at_device = &listener;
        }
        hub_.dial(who_);
    }
    void send(std::string frame) override {
        const std::lock_guard lock(hub_.mutex_);
        const auto& w = hub_.wires_[who_];
        if (!w.up) return;
        hub_.to_server(who_, w.number, [who = who_, frame = std::move(frame)](auto& l) mutable {
            l.received(who, std::move(frame));
        });
    }

  private:
    link_hub& hub_;
    const port::device who_;
};

std::unique_ptr<port::link_server> link_hub::server() {
    return std::make_unique<server_end>(*this);
}
std::unique_ptr<port::link_client> link_hub::client(const port::device& who) {
    return std::make_unique<client_end>(*this, who);
}

void link_hub::dial(const port::device& who) {
    const std::lock_guard lock(mutex_);
    auto& w = wires_[who];
    if (w.up || w.cut || !w.at_device || !at_server_) return;
    w.up = true;
    w.number = next_++;
    to_server(who, w.number, [who](auto& l) { l.connected(who); });
    to_device(who, w.number, [who](auto& l) { l.connected(who); });
}

// Both ends are told; nothing more of this connection is delivered.
void link_hub::drop(const port::device& who, wire& w) {
    if (!w.up) return;
    w.up = false;
    w.number = next_++;
    to_server(who, 0, [who](auto& l) { l.disconnected(who); });
    to_device(who, 0, [who](auto& l) { l.disconnected(who); });
}

void link_hub::hush() {
    const std::scoped_lock lock(telling_, mutex_);
    at_server_ = nullptr;
    for (auto& [who, w] : wires_) drop(who, w);
}

void link_hub::hush(const port::device& who) {
    const std::scoped_lock lock(telling_, mutex_);
    auto& w = wires_[who];
    w.at_device = nullptr;
    drop(who, w);
}

void link_hub::cut(const port::device& who) {
    const std::lock_guard lock(mutex_);
    auto& w = wires_[who];
    w.cut = true;
    drop(who, w);
}

void link_hub::heal(const port::device& who) {
    {
        const std::lock_guard lock(mutex_);
        wires_[who].cut = false;
    }
    dial(who);
}

void link_hub::to_server(const port::device& from, std::uint64_t connection,
                         std::function<void(port::link_listener&)> what) {
    timing_.after({}, [this, from, connection, what = std::move(what)] {
        const std::lock_guard telling(telling_);
        port::link_listener* listener = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (!connection || wires_[from].number == connection) listener = at_server_;
        }
        if (listener) what(*listener);
    });
}

void link_hub::to_device(const port::device& to, std::uint64_t connection,
                         std::function<void(port::link_listener&)> what) {
    timing_.after({}, [this, to, connection, what = std::move(what)] {
        const std::lock_guard telling(telling_);
        port::link_listener* listener = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (!connection || wires_[to].number == connection) listener = wires_[to].at_device;
        }
        if (listener) what(*listener);
    });
}

}  // namespace caravan::sim
