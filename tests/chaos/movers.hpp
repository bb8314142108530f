// movers: every VM is always on its way to the other cloud, as soon as it may leave again. Each migration is
// asked for by a submission of its own, now and then by the same one twice; each answer is kept, so that
// what was acknowledged can be looked for afterwards.
#pragma once

#include <functional>

#include "tests/sim/federation.hpp"

namespace caravan::testing {

inline std::string vm_numbered(std::size_t number) { return "vm" + std::to_string(number); }

class movers {
  public:
    struct acknowledged {
        const whole_cloud* by;
        receipt what;
        bool moved = false;
    };
    // VM i (from 1) runs in cloud a or b, in turn.
    movers(federation&, std::size_t vms, std::function<void(const migration_id&)> begun,
           std::function<void(const migration_id&)> ended);

    // One look at each; those that may begin to move do, if `more`.
    void look(bool more);
    std::size_t under_way() const;
    std::size_t done() const { return done_; }
    std::size_t undone() const { return undone_; }
    std::size_t over() const { return done_ + undone_; }
    const std::vector<acknowledged>& all() const { return all_; }
    std::string still_running() const;  // for a person; empty if none is
    const std::vector<std::string>& doubts() const { return doubts_; }  // answers that do not fit each other

  private:
    struct one {
        whole_cloud* at;
        std::size_t of = 0;  // in all_, from 1; 0: it rests
        std::size_t moves = 0;
    };
    void look_at(std::size_t vm, bool more);
    void begin(std::size_t vm);

    federation& f_;
    const std::function<void(const migration_id&)> begun_, ended_;
    std::vector<one> vms_;
    std::vector<acknowledged> all_;
    std::vector<std::string> doubts_;
    std::size_t done_ = 0, undone_ = 0;
};

}  // namespace caravan::testing
