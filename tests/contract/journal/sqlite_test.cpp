// What only the SQLite journal does: files, schemas, disks, audits and people with sqlite3.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "adapters/sqlite/journal_audit.hpp"
#include "tests/contract/journal/story.hpp"

using namespace caravan;
using adapter::sqlite_journal;
using test::everything;
using test::reason;
using test::story;

namespace {

// Runs SQL as somebody with sqlite3 would; the first column of the first row.
std::string sql(const std::string& path, const std::string& text) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    std::string first;
    const auto keep = [](void* out, int, char** values, char**) {
        auto& kept = *static_cast<std::string*>(out);
        if (kept.empty() && values[0]) kept = values[0];
        return 0;
    };
    char* error = nullptr;
    const int code = sqlite3_exec(db, text.c_str(), keep, &first, &error);
    INFO((error ? error : ""));
    CHECK(code == SQLITE_OK);
    sqlite3_free(error);
    sqlite3_close(db);
    return first;
}

std::string why_not(const std::string& path, const adapter::journal_options& options = {}) {
    const auto opened = sqlite_journal::open(path, options);
    return opened ? std::string{} : opened.error().reason;
}

void write_some(const std::string& path, std::size_t count = 10) {
    const auto journal = sqlite_journal::open(path);
    REQUIRE(journal);
    story tale;
    REQUIRE(reason((*journal)->append(tale.batch("vm/a", 1, count))).empty());
}

// What `body` answers in a process of its own, so that limits, users and mounts stay there.
template <class Body>
int apart(const Body& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool grows_until(sqlite_journal& journal, const char* wanted, certainty kind) {
    story tale(*journal.last());
    for (std::uint64_t v = 1; v < 100'000; v += 100)
        if (const auto done = journal.append(tale.batch("vm/grow", v, 100)); !done)
            return done.error().reason == wanted && done.error().kind == kind;
    return false;
}

std::uint64_t writes_so_far() {  // calls of this process
    std::ifstream counters("/proc/self/io");
    std::string name;
    std::uint64_t value = 0;
    while (counters >> name >> value)
        if (name == "syscw:") return value;
    return 0;
}

}  // namespace

TEST_CASE("a commit's pages are written many at once") {
    test::folder folder;
    const auto journal = sqlite_journal::open(folder.file("journal.db"));
    REQUIRE(journal);
    story tale;
    REQUIRE(reason((*journal)->append(tale.batch("vm/a", 1, 10))).empty());
    const auto before = writes_so_far();
    REQUIRE(reason((*journal)->append(tale.batch("vm/b", 1, 5000))).empty());  // many hundred pages
    CHECK(writes_so_far() - before < 50);
    CHECK(everything(**journal).size() == 5010);
}

TEST_CASE("people can query it") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    write_some(path);
    CHECK(sql(path, "select time from events") == "2026-11-22T10:00:00.000000Z");
    CHECK(sql(path, "select events from streams where stream = 'vm/a'") == "10");
    CHECK(sql(path, "select length(link) from chain") == "64");
    CHECK(sql(path, "pragma application_id") == std::to_string(0x4352564e));
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("the owner is named to who comes second") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    const auto first = sqlite_journal::open(path);
    const auto second = sqlite_journal::open(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().detail ==
          "another controller holds " + path + " (pid " + std::to_string(::getpid()) + ")");
}

TEST_CASE("files of others and of later programs are refused, and left as they are") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    SECTION("newer") {
        write_some(path);
        sql(path, "pragma user_version=99");
        CHECK(why_not(path) == "journal_newer");
        CHECK(sql(path, "pragma user_version") == "99");
    }
    SECTION("another database") {
        sql(path, "create table t(x)");
        CHECK(why_not(path) == "journal_foreign");
    }
    SECTION("no database") {
        std::ofstream(path) << std::string(8192, 'x');
        CHECK(why_not(path) == "journal_foreign");
    }
    SECTION("no folder") {
        CHECK(why_not(folder.file("none/journal.db")) == "journal_failed");
    }
}

TEST_CASE("a changed tail is refused at open, anything changed is named by the audit") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    write_some(path, 100);
    adapter::journal_options short_tail;
    short_tail.tail_checked = 20;
    const auto first_bad = [&] {
        const auto journal = sqlite_journal::open(path, short_tail);
        REQUIRE(journal);
        return adapter::audit(**journal)->bad.value_or(position{}).value;
    };
    CHECK(first_bad() == 0);
    SECTION("in the tail") {
        sql(path, "update entries set bytes = '{}' where position = 95");
        CHECK(why_not(path, short_tail) == "journal_broken");
    }
    SECTION("before the tail") {
        sql(path, "update entries set inside = '{}' where position = 30");
        CHECK(first_bad() == 30);
    }
    SECTION("one missing") {
        sql(path, "delete from entries where position = 40");
        CHECK(first_bad() == 40);
    }
}

TEST_CASE("signed heads notice a journal that was cut short or written anew") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    write_some(path, 10);
    {
        const auto journal = sqlite_journal::open(path);
        const auto head = *(*journal)->last();
        const adapter::signed_head good{head.at, head.link, "signature", "thales-1"};
        CHECK(reason((*journal)->put_head({position{11}, head.link, "s", "k"})) ==
              "no_such_position");
        CHECK(reason((*journal)->put_head({position{9}, head.link, "s", "k"})) ==
              "no_such_position");
        REQUIRE(reason((*journal)->put_head(good)).empty());
        CHECK(*(*journal)->heads() == std::vector{good});
    }
    CHECK(why_not(path).empty());
    sql(path, "delete from entries where position = 10");
    CHECK(why_not(path) == "journal_broken");
}

TEST_CASE("the WAL stays near its bound under load, and appends go on") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    adapter::journal_options options;
    options.wal_bound = 1 << 20;
    const auto journal = sqlite_journal::open(path, options);
    story tale;
    std::uintmax_t largest = 0;
    for (std::uint64_t v = 1; v < 60'000; v += 200) {
        REQUIRE(reason((*journal)->append(tale.batch("vm/a", v, 200))).empty());
        largest = std::max(largest, std::filesystem::file_size(path + "-wal"));
    }
    CHECK(std::filesystem::file_size(path) > 4u << 20);
    CHECK(largest < 4u << 20);
}

TEST_CASE("an auditor reads beside the running controller and writes nothing") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    const auto journal = sqlite_journal::open(path);
    story tale;
    REQUIRE(reason((*journal)->append(tale.batch("vm/a", 1, 10))).empty());
    adapter::journal_options options;
    options.read_only = true;
    const auto beside = sqlite_journal::open(path, options);
    REQUIRE(beside);
    CHECK((*beside)->last()->at == position{10});
    REQUIRE(reason((*journal)->append(tale.batch("vm/a", 11, 10))).empty());
    CHECK((*beside)->last()->at == position{20});
    CHECK(everything(**beside).size() == 20);
    CHECK(reason((*beside)->append(tale.batch("vm/a", 21, 1))) == "journal_failed");
}

TEST_CASE("an I/O error fails it until reopened, and nothing acknowledged is lost") {
    test::folder folder;
    const auto path = folder.file("journal.db");
    write_some(path, 10);
    const int answer = apart([&] {
        ::signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE: writes beyond it fail with EFBIG
        const rlimit small{2 << 20, 2 << 20};
        adapter::journal_options options;
        options.wal_bound = 16 << 20;
        if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
        const auto journal = sqlite_journal::open(path, options);
        if (!journal) return 2;
        if (!grows_until(**journal, "journal_failed", certainty::permanent)) return 3;
        if ((*journal)->last() || (*journal)->put_mark("m", 1)) return 4;
        return (*journal)->read(position{}, 1, [](const auto&) { return true; }) ? 5 : 0;
    });
    CHECK(answer == 0);
    const auto journal = sqlite_journal::open(path);
    REQUIRE(journal);
    CHECK_FALSE(adapter::audit(**journal)->bad);
    CHECK((*journal)->last()->at.value > 1000);
}

TEST_CASE("a read-only file is refused") {
    if (::getuid() != 0) return;  // the folder must be another user's
    test::folder folder;
    const auto path = folder.file("journal.db");
    write_some(path);
    std::filesystem::permissions(folder.path, std::filesystem::perms::all);
    std::filesystem::permissions(path + ".lock", std::filesystem::perms::all);
    ::chmod(path.c_str(), 0444);
    const int answer = apart([&] {
        if (::setuid(65534) != 0) return 1;
        return why_not(path) == "journal_failed" ? 0 : 2;
    });
    CHECK(answer == 0);
}

TEST_CASE("a full file system refuses, loses nothing, and goes on once there is room") {
    if (::getuid() != 0) return;  // the same with a quota: journal_test.cpp
    test::folder folder;
    const int answer = apart([&] {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr))
            return 1;
        if (::mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=6m")) return 2;
        adapter::journal_options options;
        options.wal_bound = 1 << 20;
        const std::string ballast = folder.file("ballast");
        std::ofstream(ballast) << std::string(2 << 20, 'b');
        const auto journal = sqlite_journal::open(folder.file("journal.db"), options);
        if (!journal) return 3;
        if (!grows_until(**journal, "journal_full", certainty::transient)) return 4;
        const auto before = (*journal)->last();
        if (!before || everything(**journal).size() != before->at.value) return 5;
        std::filesystem::remove(ballast);
        story tale(*before);
        if (!(*journal)->append(tale.batch("vm/later", 1, 10))) return 6;
        const auto audited = adapter::audit(**journal);
        return audited && !audited->bad && audited->entries == before->at.value + 10 ? 0 : 7;
    });
    CHECK(answer == 0);
}
