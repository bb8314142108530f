// bench_channel: MB/s of a mem stream through agent, proxy, proxy and agent (three TLS hops, all in
// this process, a thread each), beside one raw loopback TCP connection in the same run. Prints one
// JSON object; `ratio` is channel over raw.
#define CATCH_CONFIG_RUNNER
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/contract/channel/kit.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

constexpr std::size_t block = 256 << 10;
std::size_t megabytes = 512;

struct measure {
    double rate = 0;  // MB/s
    double cpu = 0;   // seconds of this process per GB, both programs included
};

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

measure run(std::vector<std::pair<line, line>>& streams) {
    const std::size_t each = megabytes * 1'000'000 / streams.size() / block * block;
    const double cpu = cpu_seconds();
    const auto began = steady::now();
    std::vector<std::thread> work;
    for (auto& [from, to] : streams) {
        work.emplace_back([&from = from, each] {
            const std::string one = random_bytes(block, 1);
            for (std::size_t sent = 0; sent < each; sent += block) from.send(one);
        });
        work.emplace_back([&to = to, each] {
            for (std::size_t got = 0; got < each; got += block) to.read(block, 30s);
        });
    }
    for (auto& one : work) one.join();
    const double seconds = std::chrono::duration<double>(steady::now() - began).count();
    const double mb = static_cast<double>(each * streams.size()) / 1e6;
    return {mb / seconds, (cpu_seconds() - cpu) / mb * 1000};
}

std::vector<std::pair<line, line>> raw(int count) {
    const int ear = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(ear, reinterpret_cast<sockaddr*>(&at), size);
    ::listen(ear, 16);
    ::getsockname(ear, reinterpret_cast<sockaddr*>(&at), &size);
    std::vector<std::pair<line, line>> made;
    for (int n = 0; n < count; ++n) {
        line from(connect_tcp(ntohs(at.sin_port)));
        made.emplace_back(std::move(from), line(::accept(ear, nullptr, nullptr)));
    }
    ::close(ear);
    return made;
}

std::vector<std::pair<line, line>> through(federation& f, listener_program& mem, int count) {
    std::vector<std::pair<line, line>> made;
    for (int n = 0; n < count; ++n) {
        line from = connect_unix(f.source_socket("mem"));
        made.emplace_back(std::move(from), mem.accept());
    }
    return made;
}

}  // namespace

TEST_CASE("bench") {
    federation f;
    f.leave.budget = 1ull << 50;
    f.sign();
    f.at_source.peer_endpoint = "127.0.0.1:" + std::to_string(f.proxy_b->wan_port());
    f.open_all();
    listener_program mem(f.destination_socket("mem"));
    std::string rows;
    for (const int count : {1, 4}) {
        auto plain = raw(count);
        const measure limit = run(plain);
        auto laid = through(f, mem, count);
        const measure ours = run(laid);
        rows += fmt::format(
            "{}{{\"streams\":{},\"channel_mb_s\":{:.0f},\"channel_cpu_s_per_gb\":{:.2f},"
            "\"raw_mb_s\":{:.0f},\"raw_cpu_s_per_gb\":{:.2f},\"ratio\":{:.3f}}}",
            rows.empty() ? "" : ",", count, ours.rate, ours.cpu, limit.rate, limit.cpu,
            ours.rate / limit.rate);
    }
    fmt::print("{{\"bench\":\"channel\",\"tls_hops\":3,\"runs\":[{}]}}\n", rows);
}

int main(int count, char** words) {
    if (count > 1) megabytes = std::stoul(words[1]);
    Catch::Session session;
    const char* quiet[] = {words[0], "-o", "/dev/null"};
    return session.run(3, quiet);
}
