// mail: what actors of one controller send each other. Never serialised: no CAF message leaves a process.
#pragma once

#include <functional>
#include <memory>

#include "actors/runtime/cause.hpp"
#include "actors/shape.hpp"
#include "events/order.hpp"

namespace caravan::runtime {

// How a command was answered: the position of its first fact (the stream's last if nothing had to be
// said), a refusal, or a failure of the house ("restarted", "journal_full").
struct answered {
    position at;
    std::optional<refusal> no;
    std::optional<failure> broke;
    bool ok() const noexcept { return !no && !broke; }
};

// Calls back exactly once: also when whoever had it died with it.
class reply {
  public:
    reply() = default;
    explicit reply(std::function<void(const answered&)> to) : once_(std::make_shared<once>(std::move(to))) {}
    void operator()(const answered& how) const {
        if (once_) once_->tell(how);
    }

  private:
    struct once {
        std::function<void(const answered&)> to;
        explicit once(std::function<void(const answered&)> f) : to(std::move(f)) {}
        once(const once&) = delete;
        ~once() { tell({{}, {}, failure{certainty::unknown, "restarted", "the actor died"}}); }
        void tell(const answered& how) {
            if (auto f = std::exchange(to, nullptr)) f(how);
        }
    };
    std::shared_ptr<once> once_;
};

struct command_mail {
    command what;
    std::vector<said> companions;  // first events of other streams, in the same transaction
    cause causation;
    std::string traceparent;
    runtime::reply answer;
    cloud_name from{};  // the peer whose feed said it
    std::shared_ptr<void> hold{};  // let go once it is handled: the write that led to it waits for that
};
struct commit_mail {
    result<std::pair<position, instant>> how;
};
struct ring_mail {};  // a timer came due
struct take_back_mail {
    std::uint64_t number = 0;
};
struct order_mail {
    caravan::order what;
    std::function<void(const report&)> done;
};

}  // namespace caravan::runtime
