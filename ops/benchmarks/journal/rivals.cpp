#include "ops/benchmarks/journal/rivals.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "adapters/sqlite/sqlite_journal.hpp"
#include "events/chain.hpp"

namespace caravan::bench {
namespace {

constexpr std::size_t event_size = 256;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "bench_journal: %s\n", why.c_str());
    std::exit(1);
}

std::string event_bytes() {
    std::string event = R"({"specversion":"1.0","type":"caravan.migration.admitted","data":{"x":")";
    event.append(event_size - event.size() - 3, 'x');
    return event + "\"}}";
}

// 64 sagas at a time, each with a stream of its own of 30 events, as a busy cloud writes.
class ours final : public rival {
  public:
    explicit ours(const std::string& folder) : streams_(64) {
        auto opened = adapter::sqlite_journal::open(folder + "/journal.db");
        if (!opened) give_up(opened.error().detail);
        journal_ = std::move(*opened);
    }
    void write_group(std::size_t events) override {
        group_.resize(events);
        for (auto& e : group_) fill(e);
        if (const auto done = journal_->append(group_); !done) give_up(done.error().detail);
    }

  private:
    struct stream {
        std::string name;
        std::uint64_t version = 0;
    };
    void fill(port::entry& e) {
        auto& s = streams_[++position_ % streams_.size()];
        if (s.version % 30 == 0) {
            char name[40];
            std::snprintf(name, sizeof name, "migration/01JXYZABCD%016llu",
                          static_cast<unsigned long long>(position_));
            s = {name, 0};
        }
        e.at = position{position_};
        e.stream.text = s.name;
        e.v = version{++s.version};
        e.type = "caravan.migration.admitted";
        e.bytes = bytes_;
        e.link = link_ = chain::next_link(link_, e.bytes, e.salt, e.inside);
    }

    const std::string bytes_ = event_bytes();
    std::unique_ptr<adapter::sqlite_journal> journal_;
    std::vector<stream> streams_;
    std::vector<port::entry> group_;
    std::uint64_t position_ = 0;
    std::string link_;
};

class raw final : public rival {
  public:
    explicit raw(const std::string& folder) {
        run(sqlite3_open((folder + "/raw.db").c_str(), &db_));
        run(sqlite3_exec(db_,
                         "pragma journal_mode=wal; pragma synchronous=full;"
                         "create table events(position integer primary key, event blob)",
                         nullptr, nullptr, nullptr));
        run(sqlite3_prepare_v2(db_, "insert into events(event) values(?)", -1, &insert_, nullptr));
    }
    ~raw() override {
        sqlite3_finalize(insert_);
        sqlite3_close(db_);
    }
    void write_group(std::size_t events) override {
        run(sqlite3_exec(db_, "begin", nullptr, nullptr, nullptr));
        for (std::size_t i = 0; i < events; ++i) {
            sqlite3_bind_blob(insert_, 1, bytes_.data(), event_size, SQLITE_STATIC);
            if (sqlite3_step(insert_) != SQLITE_DONE) give_up(sqlite3_errmsg(db_));
            sqlite3_reset(insert_);
        }
        run(sqlite3_exec(db_, "commit", nullptr, nullptr, nullptr));
    }

  private:
    void run(int code) {
        if (code != SQLITE_OK) give_up(sqlite3_errstr(code));
    }
    const std::string bytes_ = event_bytes();
    sqlite3* db_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

class segment final : public rival {
  public:
    explicit segment(const std::string& folder) {
        file_ = ::open((folder + "/segment").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        const std::string zeros(size, '\0');
        if (file_ < 0 || ::pwrite(file_, zeros.data(), size, 0) != static_cast<ssize_t>(size) ||
            ::fsync(file_) != 0)
            give_up("cannot make the segment");
    }
    ~segment() override { ::close(file_); }
    void write_group(std::size_t events) override {
        group_.clear();
        for (std::size_t i = 0; i < events; ++i) group_ += bytes_;
        if (at_ + group_.size() > size) at_ = 0;
        const ssize_t wrote =
            ::pwrite(file_, group_.data(), group_.size(), static_cast<off_t>(at_));
        if (wrote != static_cast<ssize_t>(group_.size()) || ::fdatasync(file_) != 0)
            give_up("cannot write the segment");
        at_ += group_.size();
    }

  private:
    static constexpr std::size_t size = 64 << 20;
    const std::string bytes_ = event_bytes();
    std::string group_;
    std::size_t at_ = 0;
    int file_ = -1;
};

}  // namespace

std::unique_ptr<rival> our_journal(const std::string& f) {
    return std::make_unique<ours>(f);
}
std::unique_ptr<rival> raw_sqlite(const std::string& f) {
    return std::make_unique<raw>(f);
}
std::unique_ptr<rival> segment_file(const std::string& f) {
    return std::make_unique<segment>(f);
}

}  // namespace caravan::bench
