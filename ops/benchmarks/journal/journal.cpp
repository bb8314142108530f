// bench_journal [-o json] [--seconds S] [--rounds N] [--folder DIR] [--group N]: durable events a
// second, in flat groups, of the journal beside raw SQLite and a raw segment file. The three take
// turns round by round, so that a slow moment of the machine is everyone's; figures are medians of
// the rounds.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "ops/benchmarks/journal/rivals.hpp"

namespace {

using namespace caravan::bench;

struct arguments {
    bool json = false;
    double seconds = 0.5;
    int rounds = 5;
    std::string folder = "/var/tmp";  // a disk: /tmp may be memory
    std::vector<std::size_t> groups{1, 64, 256, 4096};
};

struct figures {
    std::size_t group = 0;
    double journal = 0, sqlite = 0, segment = 0, to_sqlite = 0, to_segment = 0;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double events_a_second(rival& one, std::size_t group, double seconds) {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    std::size_t events = 0;
    do {
        one.write_group(group);
        events += group;
    } while (elapsed() < seconds);
    return static_cast<double>(events) / elapsed();
}

figures measure(const std::string& folder, std::size_t group, const arguments& asked) {
    const auto journal = our_journal(folder), sqlite = raw_sqlite(folder),
               segment = segment_file(folder);
    std::vector<double> j, q, s, jq, js;
    for (int round = 0; round < asked.rounds; ++round) {
        j.push_back(events_a_second(*journal, group, asked.seconds));
        q.push_back(events_a_second(*sqlite, group, asked.seconds));
        s.push_back(events_a_second(*segment, group, asked.seconds));
        jq.push_back(j.back() / q.back());
        js.push_back(j.back() / s.back());
    }
    return {group, median(j), median(q), median(s), median(jq), median(js)};
}

void print(const figures& f, bool json) {
    std::printf(json ? "{\"bench\":\"journal\",\"group\":%zu,\"journal\":%.0f,\"sqlite\":%.0f,"
                       "\"segment\":%.0f,\"ratio_sqlite\":%.3f,\"ratio_segment\":%.3f,"
                       "\"unit\":\"events/s\"}\n"
                     : "%6zu  %12.0f  %12.0f  %12.0f  %8.2f  %8.2f\n",
                f.group, f.journal, f.sqlite, f.segment, f.to_sqlite, f.to_segment);
    std::fflush(stdout);
}

bool parse(int argc, char** argv, arguments& out) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "-o")
            out.json = value == "json";
        else if (key == "--seconds")
            out.seconds = std::atof(value.c_str());
        else if (key == "--rounds")
            out.rounds = std::atoi(value.c_str());
        else if (key == "--folder")
            out.folder = value;
        else if (key == "--group")
            out.groups = {std::stoul(value)};
        else
            return false;
    }
    return argc % 2 == 1 && out.rounds > 0 && out.seconds > 0;
}

}  // namespace

int main(int argc, char** argv) {
    arguments asked;
    if (!parse(argc, argv, asked)) {
        std::fprintf(stderr,
                     "usage: bench_journal [-o json] [--seconds S] [--rounds N] [--folder DIR] "
                     "[--group N]\n");
        return 2;
    }
    if (!asked.json)
        std::printf(" group     journal/s      sqlite/s     segment/s  j/sqlite  j/segment\n");
    for (const std::size_t group : asked.groups) {
        std::string folder = asked.folder + "/bench_journal.XXXXXX";
        if (!::mkdtemp(folder.data())) {
            std::fprintf(stderr, "bench_journal: %s: %s\n", folder.c_str(), std::strerror(errno));
            return 1;
        }
        print(measure(folder, group, asked), asked.json);
        std::filesystem::remove_all(folder);
    }
    return 0;
}
