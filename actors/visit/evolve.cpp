#include <algorithm>

#include "actors/visit/state.hpp"

namespace caravan::visit {

namespace {

// The source gives up by the migration's deadline and says so; only then does our patience begin.
constexpr auto patience = std::chrono::seconds(60);
constexpr auto retry_wait_max = std::chrono::seconds(30);

void try_again_later(state& s, instant at) {
    const duration first = std::chrono::milliseconds(500);
    s.retry_at = at + std::min<duration>(first * (1 << std::min(s.tries - 1, 6u)), retry_wait_max);
    ++s.tries;
}

}  // namespace

std::uint64_t rank_of(const asking& a) noexcept {
    const auto steps = std::size(saga::move_vm);
    const auto step = a.way == direction::forward ? a.step : 2 * steps - 1 - a.step;
    return (std::uint64_t{step} + 1) << 32 | a.attempt;
}

void evolve(state& s, const fact& f, instant at) {
    std::visit(overloaded{
        [&](const asked& x) {
            if (s.now == phase::absent) {
                s.now = phase::admitting;
                if (!x.about.empty()) s.request = x.about.front();
                s.deadline = s.request.deadline + patience;
            }
            s.current = x.key;
            s.rank = rank_of(x.key);
        },
        [&](const admitted& x) {
            s.now = phase::admitted;
            s.ticket = x.ticket;
            s.host = x.host;
        },
        [&](const answered&) { s.current.reset(); },
        [&](const release_heard&) {
            s.now = phase::owed;
            s.acquiring = true;
            s.tries = 1;
            s.retry_at = at;
        },
        [&](const acquired&) { s.now = phase::owning; s.acquiring = false; },
        [&](const freeing& x) {
            if (s.now == phase::freeing) try_again_later(s, at);
            else s.retry_at = at;
            s.now = phase::freeing;
            s.reason = x.reason;
            s.current.reset();
        },
        [&](const freed& x) { s.now = phase::freed; s.reason = x.reason; s.current.reset(); },
        [&](const settled&) { s.now = phase::settled; s.current.reset(); },
        [&](const awaiting_word& x) {
            if (s.now != phase::owed) s.silent = true;
            s.whole = s.whole || x.reason == "whole";
            if (x.reason == "deadline_passed") s.retry_at = at;
            else if (x.reason != "whole") try_again_later(s, at);
        },
    }, f);
}

}  // namespace caravan::visit
