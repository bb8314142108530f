#include "ops/caravan/run.hpp"

#include <filesystem>

#include "actors/runtime/controller.hpp"
#include "adapters/channel/ticket_check.hpp"
#include "adapters/clock/migration_id.hpp"
#include "adapters/clock/system_clock.hpp"
#include "adapters/file/feed_reader.hpp"
#include "adapters/file/feed_writer.hpp"
#include "adapters/http/gateway.hpp"
#include "adapters/http/link.hpp"
#include "adapters/sqlite/sqlite_journal.hpp"
#include "ops/caravan/process.hpp"

namespace caravan::ops {

namespace {

result<std::vector<runtime::peer_config>> peers_of(const controller_config& c) {
    std::vector<runtime::peer_config> all;
    for (const auto& p : c.peers) {
        auto to = adapter::file_feed_writer::open(adapter::feed_path(c.feeds_directory, c.cloud, p.cloud));
        if (!to) return tl::unexpected(to.error());
        all.push_back({p.cloud, p.proxy, p.van, std::move(*to),
                       std::make_unique<adapter::file_feed_reader>(
                           adapter::feed_path(c.feeds_directory, p.cloud, c.cloud))});
    }
    return all;
}

}  // namespace

int run_controller(const controller_config& c) {
    const stop_signals signals;
    const auto log = log_of("controller." + c.cloud.text);
    std::error_code ignored;
    std::filesystem::create_directories(c.data, ignored);
    auto journal = adapter::sqlite_journal::open(c.data + "/journal.db");
    if (!journal) return failed_to_start(journal.error());
    auto key = channel::load_signing_key(c.signing_key);
    if (!key) return failed_to_start(key.error());
    auto peers = peers_of(c);
    if (!peers) return failed_to_start(peers.error());
    auto link = http::beast_link_server::open({c.cloud, c.control, c.tls, std::chrono::seconds(5), log});
    if (!link) return failed_to_start(link.error());

    adapter::system_clock clock;
    runtime::controller_ports ports;
    ports.clock = &clock;
    ports.journal = journal->get();
    ports.link = link->get();
    ports.peers = std::move(*peers);
    ports.sign = [&](const ticket& t) { return channel::sign_ticket(t, *key); };
    ports.new_migration_id = [&] { return adapter::new_migration_id(clock.now(), adapter::random_bytes(10)); };
    ports.new_incarnation = [&] { return adapter::new_ulid(clock.now(), adapter::random_bytes(10)); };
    ports.log = log;

    actor_house house;
    runtime::controller controller(*house.system, c.cloud, std::move(ports));
    if (auto started = controller.start(); !started) return failed_to_start(started.error());
    (*link)->listen(controller);
    auto gateway = http::gateway::open(controller.desk(), {c.cloud, c.listen, c.tls, c.tokens, {}, {}, log});
    if (!gateway) {
        (*link)->stop();  // before the controller that it tells
        return failed_to_start(gateway.error());
    }
    log("ready");
    signals.wait();
    gateway->reset();
    (*link)->stop();
    return 0;
}

}  // namespace caravan::ops
