#include "adapters/van/dtls_site_network.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "adapters/van/site_switch.hpp"

namespace caravan::van {
namespace {

constexpr int idle_ms = 50;  // site_switch wants a turn this often

tick monotonic() {
    return std::chrono::duration_cast<tick>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

// The switch is touched by the one thread only; others hand it work with ask().
class dtls_site_network::loop {
  public:
    loop(const cloud_name& own, std::vector<cloud_name> peers, tls::context context,
         datagram_socket hosts, datagram_socket wan, site_listener& listener)
        : site(own, std::move(peers), std::move(context), std::move(hosts), std::move(wan),
               listener),
          wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        for (const int fd : {wake_, site.site_descriptor(), site.wan_descriptor()}) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.fd = fd;
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        }
        thread_ = std::thread([this] { run(); });
    }

    ~loop() {
        stopping_ = true;
        ring();
        thread_.join();
        ::close(wake_);
        ::close(epoll_);
    }

    // Runs `work` on the thread, between two batches of frames, and brings its answer back.
    template <class F>
    auto ask(F work) {
        const auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
        auto answer = task->get_future();
        {
            const std::lock_guard hold(lock_);
            asked_.emplace_back([task] { (*task)(); });
        }
        ring();
        return answer.get();
    }

    site_switch site;

  private:
    void ring() {
        const std::uint64_t one = 1;
        if (::write(wake_, &one, sizeof one) < 0) return;  // it is rung already
    }

    void run_asked() {
        std::uint64_t rung = 0;
        if (::read(wake_, &rung, sizeof rung) < 0) return;
        std::vector<std::function<void()>> work;
        {
            const std::lock_guard hold(lock_);
            work.swap(asked_);
        }
        for (const auto& each : work) each();
    }

    void run() {
        while (!stopping_) {
            std::array<epoll_event, 3> ready{};
            ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), idle_ms);
            run_asked();
            site.turn(monotonic());
        }
        site.goodbye();
    }

    int wake_, epoll_;
    std::mutex lock_;
    std::vector<std::function<void()>> asked_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

dtls_site_network::dtls_site_network(std::unique_ptr<loop> made) : loop_(std::move(made)) {}
dtls_site_network::~dtls_site_network() = default;

result<std::unique_ptr<dtls_site_network>> dtls_site_network::open(const site_settings& settings,
                                                                   site_listener& listener) {
    const auto own = tls::own_identity(settings.own.certificate);
    if (!own) return tl::unexpected(own.error());
    auto context = tls::datagram_context(settings.own, settings.peers);
    if (!context) return tl::unexpected(context.error());
    const auto site_at = parse_endpoint(settings.vxlan_listen);
    if (!site_at) return tl::unexpected(site_at.error());
    const auto wan_at = parse_endpoint(settings.wan_listen);
    if (!wan_at) return tl::unexpected(wan_at.error());
    auto site = datagram_socket::open(*site_at, false);
    if (!site) return tl::unexpected(site.error());
    auto wan = datagram_socket::open(*wan_at, true);
    if (!wan) return tl::unexpected(wan.error());
    std::vector<cloud_name> peers;
    for (const auto& [cloud, file] : settings.peers) peers.push_back(cloud);
    return std::unique_ptr<dtls_site_network>(new dtls_site_network(
        std::make_unique<loop>(own->cloud, std::move(peers), std::move(*context), std::move(*site),
                               std::move(*wan), listener)));
}

result<void> dtls_site_network::extend(
    const port::van& van, const std::vector<std::pair<cloud_name, std::string>>& peers) {
    std::vector<std::pair<cloud_name, endpoint>> found;  // names are looked up off the thread
    for (const auto& [cloud, text] : peers) {
        const auto at = resolve(text);
        if (!at) return tl::unexpected(at.error());
        found.emplace_back(cloud, *at);
    }
    return loop_->ask([&] { return loop_->site.extend(van, found); });
}

result<void> dtls_site_network::shrink(const van_name& name) {
    loop_->ask([&] { loop_->site.shrink(name); });
    return {};
}

result<void> dtls_site_network::set_route(const port::route& route) {
    return loop_->ask([&] { return loop_->site.table().set_route(route); });
}

result<void> dtls_site_network::drop_route(const van_name& name, const std::string& mac,
                                           epoch upto) {
    const auto address = parse_mac(mac);
    if (!address) return permanent("bad_route", "\"" + mac + "\" is no MAC");
    loop_->ask([&] { loop_->site.table().drop_route(name, *address, upto); });
    return {};
}

result<std::vector<port::route>> dtls_site_network::observe() {
    return loop_->ask([&] { return loop_->site.table().routes(); });
}

site_counters dtls_site_network::counters() {
    return loop_->ask([&] { return loop_->site.count(); });
}

}  // namespace caravan::van
