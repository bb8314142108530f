// desk: what a controller offers to the world through its gateway (HTTP, WebSocket). The runtime
// implements it, adapters/http calls it. Thread-safe, never blocks; answers come by callback, from any
// thread, exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::port {

enum class role : std::uint8_t { viewer, auditor, scheduler, operator_ };

struct caller {
    std::string name;  // of the token or certificate: for the audit log
    role as = role::viewer;
};

// An answer to a read: JSON, or a problem (RFC 9457) by HTTP status and reason.
struct answer {
    int status = 200;
    std::string json;    // status 200: an object; lists are {"position":N,"items":[…]}
    std::string reason;  // otherwise: the refusal's name, "no_such_vm"
    std::string detail;  // otherwise: one sentence for a person: what, where, what to do next
};

struct event_filter {
    position after;
    std::size_t limit = 1000;
    std::vector<std::string> types, subjects;  // empty: all
    std::string saga;                          // empty: all
};

// One subscription to events and progress. Dropping it ends it.
class subscription {
  public:
    virtual ~subscription() = default;
};
struct news {
    enum class kind : std::uint8_t { event, progress } what = kind::event;
    position at;       // of an event
    std::shared_ptr<const std::string> json;  // one line; shared by all subscribers
};

class desk {
  public:
    virtual ~desk() = default;
    // One CloudEvent as JSON text. The receipt (contract: accepted | duplicate | refused | malformed)
    // comes as JSON text, after what it acknowledges is durable.
    virtual void submit(const caller&, std::string event, std::function<void(std::string)> receipt) = 0;
    // `path` as in the contract without /v1 and without query: "/vms", "/vms/sge-1", "/status".
    // `at` names a past position or time for "/state"; empty: now.
    virtual void read(const caller&, std::string path, std::string at,
                      std::function<void(answer)> done) = 0;
    // The plan of a migration; `request` is {"vm":…,"to":…,"mode":…}.
    virtual void plan(const caller&, std::string request, std::function<void(answer)> done) = 0;
    // Events of the journal, oldest first: each is a JSON line. `done` gets the last position looked at.
    virtual void events(const caller&, const event_filter&,
                        std::function<void(std::vector<std::string> lines, position upto)> done) = 0;
    // From now on: `tell` is called for each committed event that passes, and for progress.
    virtual std::unique_ptr<subscription> subscribe(const event_filter&,
                                                    std::function<void(const news&)> tell) = 0;
    virtual bool ready() const = 0;            // journal open, recovered
    virtual std::string metrics() const = 0;   // Prometheus text
};

}  // namespace caravan::port
