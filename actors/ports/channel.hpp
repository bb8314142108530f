// channel: one migration's byte streams between two hosts that never learn of each other:
//
//   libvirtd A ─unix─ agent A ─TLS─ proxy A ══mutual TLS 1.3, WAN══ proxy B ─TLS─ agent B ─unix─ libvirtd B
//
// Three kinds of stream: ctl (libvirt RPC, judged by the gate at both proxies), mem (QEMU migration,
// one or more), nbd (disk mirror, one or more). The same port is implemented by the agents' end and by
// the proxies' relay; every call converges and may be repeated.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "events/job.hpp"
#include "events/result.hpp"

namespace caravan::port {

enum class stream_kind : std::uint8_t { ctl, mem, nbd };

// Why a channel was closed or a stream refused, as events name it.
struct channel_refusal {
    migration_id id;
    std::string reason;  // "procedure_refused", "ticket_expired", "over_budget", "stalled" …
    std::string detail;  // inside
    friend bool operator==(const channel_refusal&, const channel_refusal&) = default;
};

struct channel_observation {
    migration_id id;
    std::uint32_t streams = 0;          // open now
    bytes sent = 0, received = 0;       // of this migration, on the WAN or the site
    friend bool operator==(const channel_observation&, const channel_observation&) = default;
};

// Told from a thread of the adapter.
class channel_listener {
  public:
    virtual ~channel_listener() = default;
    virtual void refused(const channel_refusal&) = 0;        // by gate or ticket; the job is closed
    virtual void closed(const migration_id&, const std::string& reason) = 0;  // job's streams are gone
    // Proxy at the source: the gate saw a successful Finish reply go by: the destination's copy is
    // whole and paused. The earliest instant at which the source may be proven off.
    virtual void destination_ready(const migration_id&) = 0;
    // Proxy: a record arrived from the peer's proxy over the open channel (the fast path).
    virtual void record_heard(const migration_id&, const std::string& bytes) = 0;
    // Proxy: the real text of an error that the gate made neutral. For the own audit log only.
    virtual void scrubbed(const migration_id&, const std::string& /*inside*/) {}
};

class channel {
  public:
    virtual ~channel() = default;
    // From here on streams of this job are accepted, towards the endpoints in the job. At the
    // destination's proxy: only with the job's ticket, until its deadline, within its budget.
    virtual result<void> open(const job&) = 0;
    // Closes all streams of the job fully, nbd first, and removes its sockets. Opens no more.
    virtual result<void> close(const migration_id&) = 0;
    virtual result<std::vector<channel_observation>> observe() = 0;
    // Proxy only: a small record (≤ 64 KiB) to the peer's proxy over this job's open channel. Best
    // effort: the feed is the sure path. Never waits for the peer.
    virtual result<void> send_record(const migration_id&, const std::string& bytes) = 0;
};

}  // namespace caravan::port
