// proxy_channel: the channel port at a site's proxy, the only thing that faces other clouds. At the
// source it takes its agents' streams and dials the peer's proxy (job.peer_endpoint) over mutual
// TLS 1.3; at the destination it takes the peer's streams, checks the ticket (ticket_check.hpp),
// and dials the host's agent (job.agent_endpoint). ctl passes the gate here, both ways.
//
// Promises, beyond the port's:
// - a refusal by gate or ticket limits, or more records than records_max, shuts the whole job, nbd
//   first; a stranger's bad ticket closes only the stranger's stream. Both are told by refused(); of a
//   job each reason to turn a stream away at most once a second, and so what nobody here opened. A
//   source is told the destination's reason.
// - darkness of `stall`, on a stream or on the records' line, closes all streams of the job fully,
//   nbd first, towards the own host first: closed("stalled"). A reset: closed("broken"). The job
//   stays open for new streams, and the source dials the records' line again.
// - a job closed at the destination stays revoked until its ticket's deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/ports/channel.hpp"
#include "actors/ports/clock.hpp"
#include "adapters/tls/tls.hpp"

namespace caravan::channel {

struct proxy_channel_config {
    tls::material site;  // towards own agents: role "proxy", the own cloud's CA
    tls::material wan;   // towards peers: role "proxy"; its CN is seen by them: keep it neutral
    tls::pins peers;     // cloud → CA file
    std::string site_listen;  // "host:port"; port 0: any
    std::string wan_listen;
    std::string ticket_key;                 // file: public half of the own cloud's Ed25519 key
    std::chrono::milliseconds stall{7000};  // 2 s or more
};

class proxy_channel final : public port::channel {
  public:
    // Fails as adapters/tls/tls.hpp says, or "stall_too_short", "bad_key", or transient
    // "cannot_listen". Clock and listener outlive it; the listener is told from the adapter's one
    // thread, and may call this channel there.
    static result<std::unique_ptr<proxy_channel>> make(const proxy_channel_config&,
                                                       const port::clock&, port::channel_listener&);
    ~proxy_channel() override;

    // permanent "bad_migration_id", "malformed" (the ticket). At the destination also what
    // check_ticket refuses: the ticket must be this cloud's own, for this job, and still good.
    result<void> open(const job&) override;
    result<void> close(const migration_id&) override;
    result<std::vector<port::channel_observation>> observe() override;
    // transient "no_channel" while no records' line stands, "record_queue_full"; permanent
    // "too_large".
    result<void> send_record(const migration_id&, const std::string& bytes) override;

    std::uint16_t site_port() const;
    std::uint16_t wan_port() const;

  private:
    struct body;
    explicit proxy_channel(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::channel
