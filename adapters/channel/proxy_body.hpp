// What a proxy_channel holds, on its loop's thread; apart from the port, which comes from any
// thread.
#pragma once

#include <map>
#include <memory>

#include "adapters/channel/bundle.hpp"
#include "adapters/channel/door.hpp"
#include "adapters/channel/loop.hpp"
#include "adapters/channel/opening.hpp"
#include "adapters/channel/proxy_channel.hpp"
#include "adapters/channel/ticket_check.hpp"

namespace caravan::channel {

struct proxy_channel::body {
    body(const proxy_channel_config& from, const port::clock& now, port::channel_listener& to)
        : config(from), clock(now), listener(to) {}

    result<void> open(const job&);
    void forget(const migration_id&);
    void look();

    // Source: an agent's stream in, the peer's proxy out.
    void from_agent(const visitor&);
    void to_peer(const preface&, const visitor& agent);
    void hear_answer(const std::shared_ptr<bundle>&, const std::shared_ptr<relay>&,
                     const std::shared_ptr<wire>& far);
    void dial_records(const std::shared_ptr<bundle>&);

    // Destination: the peer's stream in, the agent out.
    void from_peer(const visitor&);
    void admit(const preface&, const visitor& peer);
    void to_agent(lane, const std::shared_ptr<bundle>&, const visitor& peer);

    void turn_away(const preface&, const visitor& peer, const failure& why);
    void keep_records(const std::shared_ptr<bundle>&, const std::shared_ptr<wire>&);
    std::shared_ptr<bundle> find(const migration_id&) const;
    void put_gate(relay&, const bundle&) const;  // ctl and nbd have one each
    leave known(const bundle&) const;

    const proxy_channel_config config;
    const port::clock& clock;
    port::channel_listener& listener;
    cloud_name cloud;
    ed25519_key ticket_key;
    tls::context to_site, to_wan;
    loop thread;
    std::unique_ptr<ticking> beat;
    std::shared_ptr<door> site, wan;
    // At the destination shut ones stay until their ticket's deadline, so that it stays revoked.
    std::map<migration_id, std::shared_ptr<bundle>> jobs;
    std::chrono::steady_clock::time_point told_of_stranger{};
};

}  // namespace caravan::channel
