#include <algorithm>

#include "actors/visit/state.hpp"

namespace caravan::visit {

namespace {

// The source gives up by the migration's deadline and says so; only then does our patience begin.
constexpr auto patience = std::chrono::seconds(60);

void try_again_later(state& s, instant at) {
    s.retry_at = at + care::pause_after(care::of_steps, s.tries);
    ++s.tries;
}

}  // namespace

std::uint64_t rank_of(const asking& a) noexcept {
    const auto steps = std::size(saga::move_vm);
    const auto step = a.way == direction::forward ? a.step : 2 * steps - 1 - a.step;
    return std::uint64_t{a.way == direction::undo} << 62 | std::uint64_t{std::min(a.round, 0xfffffu)} << 40 |
           (std::uint64_t{step} + 1) << 32 | a.attempt;
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
            if (s.now == phase::freeing) {
                try_again_later(s, at);
            } else {
                s.retry_at = at;
                s.tries = 1;
            }
            s.now = phase::freeing;
            s.reason = x.reason;
            s.current.reset();
        },
        [&](const reclaim_heard& x) {
            s.now = phase::freeing;
            s.reason = "reclaimed";
            s.reclaimed = x.run_right;
            s.acquiring = false;
            s.tries = 1;
            s.retry_at = at;
            s.current.reset();
        },
        [&](const freed& x) { s.now = phase::freed; s.reason = x.reason; s.current.reset(); },
        [&](const settled&) { s.now = phase::settled; s.current.reset(); },
        [&](const awaiting_word& x) {
            if (s.now != phase::owed) s.silent = true;
            s.whole = s.whole || x.reason == "whole";
            s.why = x.reason;
            if (x.reason == "deadline_passed") s.retry_at = at;
            else if (x.reason != "whole") try_again_later(s, at);
        },
    }, f);
}

}  // namespace caravan::visit
