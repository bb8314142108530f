#include "adapters/channel/agent_channel.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <map>
#include <set>

#include "adapters/channel/bundle.hpp"
#include "adapters/channel/door.hpp"
#include "adapters/channel/loop.hpp"
#include "adapters/channel/opening.hpp"

namespace caravan::channel {
namespace {

using local = boost::asio::local::stream_protocol;

// A unix socket that the owner of its directory (QEMU's user) may connect to, and nobody else.
result<local::acceptor> listen_on(boost::asio::io_context& io, const std::string& directory,
                                  const std::string& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return permanent("path_too_long", path);
    ::unlink(path.c_str());  // of an earlier life
    local::acceptor made(io);
    boost::system::error_code error;
    made.open(local(), error);
    if (!error) made.bind(local::endpoint(path), error);
    struct stat owner {};
    if (!error && ::stat(directory.c_str(), &owner) == 0 && ::geteuid() == 0 &&
        ::lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0)
        error.assign(errno, boost::system::system_category());
    if (!error) ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
    if (!error) made.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error) return transient("cannot_listen", path + ": " + error.message());
    return made;
}

struct open_job {
    std::shared_ptr<bundle> streams;
    std::map<lane, local::acceptor> ears;  // source
};

}  // namespace

struct agent_channel::body {
    body(const agent_channel_config& from, port::channel_listener& to)
        : config(from), listener(to) {}

    result<void> open(const job& about);
    void listen(const migration_id& id, lane kind);
    void carry(const migration_id& id, lane kind, socket from);
    void welcome(visitor who);
    void connect(const preface& asked, visitor from);
    void forget(const migration_id& id);
    void look();
    bool own(const visitor& who) const { return who.who.cloud == cloud && who.who.role == "proxy"; }

    const agent_channel_config config;
    port::channel_listener& listener;
    cloud_name cloud;
    tls::context dialling;
    loop thread;
    std::unique_ptr<ticking> clock;
    std::shared_ptr<door> front;
    std::map<migration_id, open_job> jobs;
};

result<void> agent_channel::body::open(const job& about) {
    if (!valid_migration(about.id)) return permanent("bad_migration_id", about.id.text);
    open_job& here = jobs[about.id];
    if (here.streams)
        here.streams->about = about;
    else
        here.streams = std::make_shared<bundle>(about, listener);
    if (about.here == side::destination) return {};
    for (const lane kind : {lane::ctl, lane::mem, lane::nbd}) {
        if (here.ears.count(kind)) continue;
        auto ear = listen_on(thread.io(), config.sockets_directory,
                             socket_path(config.sockets_directory, about.id, kind));
        if (!ear) {
            forget(about.id);
            return tl::unexpected(ear.error());
        }
        here.ears.emplace(kind, std::move(*ear));
        listen(about.id, kind);
    }
    return {};
}

void agent_channel::body::listen(const migration_id& id, lane kind) {
    const auto found = jobs.find(id);
    if (found == jobs.end()) return;
    found->second.ears.at(kind).async_accept([this, id, kind](auto error, local::socket from) {
        if (error == boost::asio::error::operation_aborted) return;
        if (error) return clock->once([this, id, kind] { listen(id, kind); });  // no descriptors
        carry(id, kind, socket(std::move(from)));
        listen(id, kind);
    });
}

void agent_channel::body::carry(const migration_id& id, lane kind, socket from) {
    const auto found = jobs.find(id);
    if (found == jobs.end()) return;
    const auto streams = found->second.streams;
    const auto one = streams->begin(kind);
    if (!one) return;
    one->give(direction::call, std::make_shared<wire>(std::move(from)));
    const auto first = write_preface({kind, id, {}});
    dial(thread.io(), streams->about.proxy_endpoint, dialling.get(), config.stall,
         [this, one, streams, first](result<visitor> far) {
             if (one->stopped()) return;
             if (!far || !own(*far)) return streams->lose("proxy_unreachable");
             one->give(direction::reply, far->line);
             far->line->write_all(*first, [one](bool) {
                 one->flow(direction::call);
                 one->flow(direction::reply);
             });
         });
}

void agent_channel::body::welcome(visitor who) {
    if (!own(who)) return;
    hear_preface(who.line, config.stall,
                 [this, who](const preface& asked) { connect(asked, who); });
}

void agent_channel::body::connect(const preface& asked, visitor from) {
    const auto found = jobs.find(asked.id);
    if (found == jobs.end() || asked.kind == lane::record) return;
    const auto streams = found->second.streams;
    const auto one =
        streams->about.here == side::destination ? streams->begin(asked.kind) : nullptr;
    if (!one) return;
    one->give(direction::call, from.line);
    const std::string path = asked.kind == lane::ctl
                                 ? config.libvirt_socket
                                 : socket_path(config.sockets_directory, asked.id, asked.kind);
    local::socket near(thread.io());
    boost::system::error_code error;
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return streams->lose("path_too_long");
    near.connect(local::endpoint(path), error);  // unix: at once, or not at all
    if (error) return streams->lose(asked.kind == lane::ctl ? "no_libvirt" : "no_socket");
    one->give(direction::reply, std::make_shared<wire>(socket(std::move(near))));
    one->flow(direction::call);
    one->flow(direction::reply);
}

void agent_channel::body::forget(const migration_id& id) {
    if (!valid_migration(id)) return;
    const auto found = jobs.find(id);
    if (found != jobs.end()) found->second.streams->shut();
    for (const lane kind : {lane::ctl, lane::mem, lane::nbd})  // known or of an earlier life
        ::unlink(socket_path(config.sockets_directory, id, kind).c_str());
    if (found == jobs.end()) return;
    // Its own callbacks may be on the stack.
    boost::asio::post(thread.io(), [held = std::move(found->second.streams)] {});
    jobs.erase(found);
}

void agent_channel::body::look() {
    std::vector<std::shared_ptr<bundle>> all;  // listeners may open and close meanwhile
    for (const auto& [id, one] : jobs) all.push_back(one.streams);
    for (const auto& one : all) one->look(std::chrono::steady_clock::now(), config.stall);
}

agent_channel::agent_channel(std::unique_ptr<body> from) : body_(std::move(from)) {}

result<std::unique_ptr<agent_channel>> agent_channel::make(const agent_channel_config& config,
                                                           port::channel_listener& listener) {
    if (config.stall < stall_min)
        return permanent("stall_too_short", "a second is the pace of probes");
    auto made = std::make_unique<body>(config, listener);
    auto own = tls::own_identity(config.tls.certificate);
    if (!own) return tl::unexpected(own.error());
    made->cloud = own->cloud;
    auto accepting = tls::server_context(config.tls);
    if (!accepting) return tl::unexpected(accepting.error());
    auto dialling = tls::client_context(config.tls);
    if (!dialling) return tl::unexpected(dialling.error());
    made->dialling = std::move(*dialling);
    body* here = made.get();
    auto front = here->thread.call([&] {
        here->clock = std::make_unique<ticking>(here->thread.io(), [here] { here->look(); });
        return door::open(here->thread.io(), config.listen, std::move(*accepting), config.stall,
                          [here](visitor who) { here->welcome(std::move(who)); });
    });
    if (!front) return tl::unexpected(front.error());
    made->front = *front;
    return std::unique_ptr<agent_channel>(new agent_channel(std::move(made)));
}

agent_channel::~agent_channel() {
    body_->thread.call([this] {
        while (!body_->jobs.empty()) body_->forget(migration_id(body_->jobs.begin()->first));
    });
    body_->thread.stop();
}

result<void> agent_channel::open(const job& about) {
    return body_->thread.call([&] { return body_->open(about); });
}

result<void> agent_channel::close(const migration_id& id) {
    return body_->thread.call([&]() -> result<void> {
        body_->forget(id);
        return {};
    });
}

result<std::vector<port::channel_observation>> agent_channel::observe() {
    return body_->thread.call([&]() -> result<std::vector<port::channel_observation>> {
        std::vector<port::channel_observation> seen;
        for (const auto& [id, one] : body_->jobs) seen.push_back(one.streams->observed());
        return seen;
    });
}

result<void> agent_channel::send_record(const migration_id&, const std::string&) {
    return permanent("proxy_only", "records go from proxy to proxy");
}

std::uint16_t agent_channel::port() const {
    return body_->front->port();
}

}  // namespace caravan::channel
