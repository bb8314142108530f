// kill -9 in the middle of appends: what was acknowledged is there, and the chain holds.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "adapters/sqlite/journal_audit.hpp"
#include "tests/contract/journal/story.hpp"

using namespace caravan;

namespace {

adapter::journal_options options() {
    adapter::journal_options small;
    small.wal_bound = 256 << 10;  // checkpoints and WAL restarts all the time
    return small;
}

// The child: appends batches of all sizes for ever, and tells each acknowledged position.
[[noreturn]] void append_for_ever(const std::string& path, int acknowledged, std::uint64_t round) {
    const auto journal = adapter::sqlite_journal::open(path, options());
    if (!journal) ::_exit(3);
    test::story tale(*(*journal)->last());
    const std::string stream = "vm/" + std::to_string(round);
    std::uint64_t version = 1;
    for (std::size_t size = 1;; size = size * 7 % 211 + 1) {
        const auto batch = tale.batch(stream, version, size);
        version += size;
        if (!(*journal)->append(batch)) ::_exit(4);
        const std::uint64_t at = batch.back().at.value;
        if (::write(acknowledged, &at, sizeof at) != sizeof at) ::_exit(5);
    }
}

// Kills the child after `acknowledgements`, and answers the last one that it told.
std::uint64_t one_life(const std::string& path, std::uint64_t round, std::size_t acknowledgements) {
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(pipe[0]);
        append_for_ever(path, pipe[1], round);
    }
    ::close(pipe[1]);
    std::uint64_t at = 0, last = 0;
    for (std::size_t i = 0; i < acknowledgements && ::read(pipe[0], &at, sizeof at) == sizeof at;
         ++i)
        last = at;
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &at, sizeof at) == sizeof at) last = at;  // told before it died
    ::close(pipe[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));  // and did not end by an error of its own
    return last;
}

}  // namespace

TEST_CASE("nothing acknowledged is lost to kill -9, in 60 lives") {
    test::folder folder;
    const std::string path = folder.file("journal.db");
    std::mt19937 random(20261122);
    std::uint64_t acknowledged = 0;
    for (std::uint64_t round = 1; round <= 60; ++round) {
        acknowledged = std::max(acknowledged, one_life(path, round, random() % 25));
        const auto journal = adapter::sqlite_journal::open(path, options());
        if (!journal) FAIL(journal.error().reason << ": " << journal.error().detail);
        REQUIRE((*journal)->last()->at.value >= acknowledged);
        const auto found = adapter::audit(**journal);
        REQUIRE(found);
        INFO(found->what);
        CHECK_FALSE(found->bad);
        CHECK(found->upto.at == (*journal)->last()->at);
    }
    CHECK(acknowledged > 1000);
}
