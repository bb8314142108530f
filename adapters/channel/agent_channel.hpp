// agent_channel: the channel port at a host's agent. At the source it listens on the job's unix
// sockets and carries each stream to the own proxy (job.proxy_endpoint); at the destination it
// takes streams from the own proxy and connects them to libvirtd (ctl) or QEMU (mem, nbd).
//
// Promises, beyond the port's: a proxy that resets or falls silent for `stall` is noticed, and then
// all streams of the job are closed fully, nbd first ("broken", "stalled"), and told by closed().
// The job stays open for new streams until close(). A stream that ends in good order ends alone,
// unsaid.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/ports/channel.hpp"
#include "adapters/tls/tls.hpp"

namespace caravan::channel {

struct agent_channel_config {
    tls::material tls;              // role "agent", CN = the host's name
    std::string listen;             // "host:port" for the own proxies' streams; port 0: any
    std::string sockets_directory;  // where the job's sockets are; its owner gets those made here
    std::string libvirt_socket = "/run/libvirt/libvirt-sock";
    std::chrono::milliseconds stall{7000};  // 2 s or more
};

class agent_channel final : public port::channel {
  public:
    // Fails as adapters/tls/tls.hpp says, or "stall_too_short", or transient "cannot_listen". The
    // listener outlives it; it is told from the adapter's one thread, and may call this channel
    // from there.
    static result<std::unique_ptr<agent_channel>> make(const agent_channel_config&,
                                                       port::channel_listener&);
    ~agent_channel() override;  // closes everything, removes the sockets

    // permanent "bad_migration_id", "path_too_long" (108 bytes, unix(7)); transient
    // "cannot_listen".
    result<void> open(const job&) override;
    result<void> close(const migration_id&) override;
    result<std::vector<port::channel_observation>> observe() override;
    result<void> send_record(const migration_id&, const std::string& bytes) override;  // never

    std::uint16_t port() const;  // listened on

  private:
    struct body;
    explicit agent_channel(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::channel
