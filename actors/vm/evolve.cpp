#include "actors/vm/state.hpp"

namespace caravan::vm {

void evolve(state& s, const fact& f, instant) {
    std::visit(overloaded{
        [&](const discovered& x) {
            s.now = x.running ? phase::running : phase::stopped;
            s.spec = x.spec;
            s.host = x.host;
            s.run_right = x.run_right;
            s.move = {};
            s.strayed = false;
        },
        [&](const started& x) { s.now = phase::running; s.host = x.host; },
        [&](const stopped& x) { s.now = phase::stopped; s.host = x.host; },
        [&](const changed& x) { s.spec = x.spec; },
        [&](const vanished&) { s.now = phase::absent; s.move = {}; },
        [&](const strayed& x) { s.strayed = true; s.astray = x.host; },
        [&](const stray_gone&) { s.strayed = false; },
        [&](const move_begun& x) {
            s.now = phase::moving;
            s.move = x.migration;
            s.peer = x.to;
        },
        [&](const move_abandoned&) { s.now = phase::running; },
        [&](const run_right_released& x) { s.now = phase::released; s.run_right = x.run_right; },
        [&](const departed&) { s.now = phase::absent; s.host = {}; },
        [&](const expected& x) {
            s.now = phase::expected;
            s.spec = x.spec;
            s.host = x.host;
            s.move = x.migration;
            s.peer = x.from;
            s.expected_right = x.run_right;
            s.strayed = false;
        },
        [&](const unexpected&) { s.now = phase::absent; s.host = {}; },
        [&](const run_right_acquired& x) {
            s.now = phase::running;
            s.run_right = x.run_right;
            s.host = x.host;
            s.strayed = false;
        },
        [&](const run_right_reclaimed& x) {
            s.now = phase::stopped;
            s.run_right = x.run_right;
            s.strayed = false;
        },
        [&](const run_right_lost& x) {
            s.now = phase::absent;
            s.run_right = x.run_right;
            s.host = {};
        },
    }, f);
}

}  // namespace caravan::vm
