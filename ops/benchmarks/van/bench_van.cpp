// bench_van: the overlay between two sites beside the plain veth path between the same two proxies,
// in one run: throughput of one TCP connection, and round trips. Needs root. Prints one JSON
// object.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "packets.hpp"

using namespace caravan;
using namespace caravan::van;
using namespace caravan::van::test;

namespace {

struct figures {
    double gbit_per_second = 0, cpu_seconds_per_gbit = 0, rtt_us = 0;
    bool whole = false;
};

double rtt_us(const ground& on, const space& from, const std::string& address) {
    const auto file = on.keys.folder + "/ping";
    from.runs("sh -c 'ping -n -q -c 500 -i 0.002 " + address + " > " + file + "'");
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)  // rtt min/avg/max/mdev = 0.1/0.2/…
        if (const auto at = line.find(" = "); line.starts_with("rtt") && at != std::string::npos)
            return std::atof(line.c_str() + line.find('/', at) + 1) * 1000;
    return 0;
}

double cpu_seconds() {  // of this process: both proxies, and both ends of the connection
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

figures measure(const ground& on, const space& from, const space& to, const std::string& address,
                std::uint64_t bytes) {
    const auto before = cpu_seconds();
    const auto stream = tcp_stream(from, to, address, bytes);
    const auto used = cpu_seconds() - before;
    const auto gigabits = static_cast<double>(stream.bytes) * 8e-9;
    return {gigabits / stream.took.count(), used / gigabits, rtt_us(on, from, address),
            stream.bytes == bytes && stream.sent_sum == stream.received_sum};
}

void print(const char* name, const figures& of) {
    std::printf(
        "\"%s\":{\"gbit_per_second\":%.3f,\"cpu_seconds_per_gbit\":%.3f,\"rtt_us\":%.0f,\"whole\":%"
        "s}",
        name, of.gbit_per_second, of.cpu_seconds_per_gbit, of.rtt_us, of.whole ? "true" : "false");
}

}  // namespace

int main() {
    if (const auto reason = cannot_run(); !reason.empty()) {
        std::fprintf(stderr, "bench_van: %s\n", reason.c_str());
        return 2;
    }
    ground on;
    on.extend({van_name{"bench"}, 77});
    const guest a("ga", *on.a.h1, "vnet0", "cv-bench", "52:54:00:00:00:01", "10.9.0.1");
    const guest b("gb", *on.b.h1, "vnet0", "cv-bench", "52:54:00:00:00:02", "10.9.0.2");
    if (!eventually([&] { return a.pings("10.9.0.2"); }, std::chrono::seconds(10))) {
        std::fprintf(stderr, "bench_van: the guests did not reach each other in 10 s\n");
        return 1;
    }
    const auto plain = measure(on, *on.a.proxy, *on.b.proxy, "198.51.100.2", 2'000'000'000);
    const auto overlay = measure(on, a.net, b.net, "10.9.0.2", 200'000'000);
    const auto counted = on.a.network->counters();
    std::printf("{\"bench\":\"van\",");
    print("veth", plain);
    std::printf(",");
    print("overlay", overlay);
    std::printf(
        ",\"ratio\":%.3f,\"frames_lost\":%llu}\n", overlay.gbit_per_second / plain.gbit_per_second,
        static_cast<unsigned long long>(counted.lost + counted.waiting + counted.too_large));
    return plain.whole && overlay.whole ? 0 : 1;
}
