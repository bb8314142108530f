// commands: what `caravan COMMAND` does once its words are understood. Each answers the exit code of
// the contract: 0 done, 1 ended otherwise, 2 usage, 3 refused, 4 no such thing, 5 cannot reach the
// controller, 6 deadline passed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/caravan/context.hpp"

namespace caravan::ops {

enum exit_code : int {
    exit_done = 0,
    exit_otherwise = 1,
    exit_usage = 2,
    exit_refused = 3,
    exit_no_such_thing = 4,
    exit_unreachable = 5,
    exit_deadline = 6,
};

int show_status(const options&);
// `kind`: "clouds" "hosts" "proxies" "vms" "vans" "migrations"; all of them, or the one named.
int show(const options&, const std::string& kind, const std::string& id);

// The whole state as it was then: a position of the journal, or a time, RFC 3339.
int replay(const options&, const std::string& at);

struct events_wish {
    std::uint64_t after = 0;
    std::uint64_t limit = 0;  // 0: the gateway's default
    std::vector<std::string> types = {}, subjects = {};
    std::string saga = {};
    bool follow = false;
};
int show_events(const options&, const events_wish&);

int create_van(const options&, const std::string& name);
int delete_van(const options&, const std::string& name);

struct migrate_wish {
    std::string vm, to, mode = "auto";
    std::string deadline = {}, max_downtime = {}, bandwidth = {};  // "10m", "500ms", "20MiB/s", or empty
    bool wait = true;
};
int plan(const options&, const migrate_wish&);
int migrate(const options&, const migrate_wish&);
int abort_migration(const options&, const std::string& id);
int reclaim(const options&, const std::string& id, bool fenced, const std::string& why);
// One migration until it ends, or, without an id, every event as it comes.
int watch(const options&, const std::string& id);
int submit(const options&, const std::string& file);

int audit_verify(const options&, const std::string& journal);
int audit_export(const options&, std::uint64_t after);
int audit_show(const options&, const std::string& position);

int config_check(const std::string& file, const std::string& process);
int completion(const std::string& shell, const std::vector<std::string>& commands);

}  // namespace caravan::ops
