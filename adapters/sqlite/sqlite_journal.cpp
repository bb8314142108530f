#include "adapters/sqlite/sqlite_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "adapters/sqlite/journal_audit.hpp"
#include "adapters/sqlite/schema.hpp"
#include "events/chain.hpp"

namespace caravan::adapter {
namespace {

constexpr std::size_t rows_a_statement = 32;  // one multi-row insert; 32 was not tuned
constexpr int columns = 8;
constexpr std::size_t rows_a_chunk = 256;  // read under one snapshot
constexpr std::size_t readers_kept = 4;
constexpr std::size_t numbers_kept = 1 << 16;
constexpr std::size_t entry_size_max = 16 << 20;
constexpr std::uint64_t page_size = 4096;

std::string insert_sql(std::size_t rows) {
    std::string sql = "insert into entries values(?,?,?,?,?,?,?,?)";
    for (std::size_t i = 1; i < rows; ++i) sql += ",(?,?,?,?,?,?,?,?)";
    return sql;
}

void bind(statement& to, int row, std::uint64_t stream, const port::entry& e) noexcept {
    const int at = row * columns;
    to.bind(at + 1, e.at.value);
    to.bind(at + 2, stream);
    to.bind(at + 3, e.v.value);
    to.bind_text(at + 4, e.type);
    to.bind_text(at + 5, e.bytes);
    to.bind_text(at + 6, e.inside);
    to.bind_blob(at + 7, e.salt);
    to.bind_blob(at + 8, e.link);
}

void fill(port::entry& e, const statement& from) {
    e.at = position{from.number(0)};
    e.stream.text = from.text(1);
    e.v = version{from.number(2)};
    e.type = from.text(3);
    e.bytes = from.text(4);
    e.inside = from.text(5);
    e.salt = from.text(6);
    e.link = from.text(7);
}

}  // namespace

struct sqlite_journal::reader {
    database connection;
    statement after, of_stream, last, mark, heads;
    std::vector<port::entry> chunk;

    static result<std::unique_ptr<reader>> open(const std::string& path);
    result<std::size_t> fetch(statement& bound);
};

result<std::unique_ptr<sqlite_journal::reader>> sqlite_journal::reader::open(
    const std::string& path) {
    auto made = std::make_unique<reader>();
    auto connection = database::open(path, database::access::read_only);
    if (!connection) return tl::unexpected(connection.error());
    made->connection = std::move(*connection);
    const std::string rows =
        "select position, name, version, type, bytes, inside, salt, link"
        " from entries join names on id = stream where ";
    const std::pair<statement*, std::string> wanted[] = {
        {&made->after, rows + "position > ? order by position limit ?"},
        {&made->of_stream, rows + "stream = (select id from names where name = ?3)"
                                  " and version > ?1 order by version limit ?2"},
        {&made->last, "select position, link from entries order by position desc limit 1"},
        {&made->mark, "select value from marks where name = ?"},
        {&made->heads, "select position, link, signature, key from heads order by position"}};
    for (const auto& [slot, sql] : wanted) {
        auto prepared = made->connection.prepare(sql);
        if (!prepared) return tl::unexpected(prepared.error());
        *slot = std::move(*prepared);
    }
    made->chunk.resize(rows_a_chunk);
    return made;
}

// Rows of `bound` into chunk, whose strings keep their room from one chunk to the next.
result<std::size_t> sqlite_journal::reader::fetch(statement& bound) {
    std::size_t rows = 0;
    while (rows < chunk.size() && bound.row()) fill(chunk[rows++], bound);
    if (!bound.reset()) return connection.failed("read");
    return rows;
}

// A reader taken from the idle ones and given back.
class sqlite_journal::borrowed {
  public:
    borrowed(const sqlite_journal& owner, std::unique_ptr<reader> one)
        : owner_(&owner), one_(std::move(one)) {}
    borrowed(borrowed&&) noexcept = default;
    ~borrowed() {
        if (!one_) return;
        const std::lock_guard lock(owner_->reading_);
        if (owner_->idle_.size() < readers_kept) owner_->idle_.push_back(std::move(one_));
    }
    reader* operator->() const noexcept { return one_.get(); }

    // Chunk after chunk of `rows`, a statement with ?1 = after and ?2 = limit, until `each`
    // declines. `next` says from an entry where the next chunk begins.
    template <class Next>
    result<void> walk(statement& rows, std::uint64_t after, std::size_t limit, const Next& next,
                      const std::function<bool(const port::entry&)>& each) const {
        while (limit > 0) {
            rows.bind(1, after);
            rows.bind(2, std::min(limit, rows_a_chunk));
            const auto got = one_->fetch(rows);
            if (!got) return tl::unexpected(got.error());
            for (std::size_t i = 0; i < *got; ++i)
                if (!each(one_->chunk[i])) return {};
            if (*got < std::min(limit, rows_a_chunk)) return {};
            limit -= *got;
            after = next(one_->chunk[*got - 1]);
        }
        return {};
    }

  private:
    const sqlite_journal* owner_;
    std::unique_ptr<reader> one_;
};

result<sqlite_journal::borrowed> sqlite_journal::borrow() const {
    if (const auto fit = healthy(); !fit) return tl::unexpected(fit.error());
    {
        const std::lock_guard lock(reading_);
        if (!idle_.empty()) {
            auto one = std::move(idle_.back());
            idle_.pop_back();
            return borrowed(*this, std::move(one));
        }
    }
    auto opened = reader::open(path_);
    if (!opened) return tl::unexpected(opened.error());
    return borrowed(*this, std::move(*opened));
}

sqlite_journal::sqlite_journal(std::string path, const journal_options& options)
    : path_(std::move(path)), options_(options) {}
sqlite_journal::~sqlite_journal() = default;

result<std::unique_ptr<sqlite_journal>> sqlite_journal::open(const std::string& path,
                                                             const journal_options& options) {
    std::unique_ptr<sqlite_journal> made(new sqlite_journal(path, options));
    if (auto started = options.read_only ? made->look() : made->start(); !started)
        return tl::unexpected(started.error());
    if (auto checked = made->check_tail(); !checked) return tl::unexpected(checked.error());
    return made;
}

result<void> sqlite_journal::look() const {
    const auto opened = database::open(path_, database::access::read_only);
    if (!opened) return tl::unexpected(opened.error());
    return check_schema(*opened, path_);
}

result<void> sqlite_journal::start() {
    auto owned = ownership::take(path_);
    if (!owned) return tl::unexpected(owned.error());
    ownership_ = std::move(*owned);
    // Made here rather than by SQLite, so that it and its WAL are for the owner's eyes only.
    if (const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); file >= 0)
        ::close(file);
    auto opened = database::open(path_, database::access::read_write);
    if (!opened) return tl::unexpected(opened.error());
    writer_ = std::move(*opened);
    if (writer_.read_only())
        return permanent("journal_failed", path_ + " is read-only: give its owner leave to write");
    if (auto made = ensure_schema(writer_, path_); !made) return made;
    return prepare();
}

result<void> sqlite_journal::prepare() {
    std::string settings =
        "pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=0;"
        "pragma cache_size=-4096; pragma journal_size_limit=" +
        std::to_string(options_.wal_bound) + ";";
    if (options_.size_max)
        settings += "pragma max_page_count=" + std::to_string(options_.size_max / page_size) + ";";
    if (auto set = writer_.run(settings); !set) return set;
    const std::pair<statement*, std::string> wanted[] = {
        {&begin_, "begin immediate"},
        {&commit_, "commit"},
        {&rollback_, "rollback"},
        {&insert_one_, insert_sql(1)},
        {&insert_many_, insert_sql(rows_a_statement)},
        {&mark_, "insert or replace into marks values(?,?)"},
        {&head_,
         "insert or replace into heads select position, link, ?2, ?3 from entries "
         "where position = ?1 and link = ?4 returning position"},
        {&number_, "select id from names where name = ?"},
        {&new_number_, "insert into names(name) values(?) returning id"}};
    for (const auto& [slot, sql] : wanted) {
        auto prepared = writer_.prepare(sql);
        if (!prepared) return tl::unexpected(prepared.error());
        *slot = std::move(*prepared);
    }
    if (auto laid = prewrite_wal(path_ + "-wal", options_.wal_bound); !laid) return laid;
    writer_.count_wal_pages(wal_pages_);
    auto beside = database::open(path_, database::access::read_write);
    if (!beside) return tl::unexpected(beside.error());
    // A connection checkpoints nothing before it has read once: only then does it know of the WAL.
    if (const auto met = beside->number("select count(*) from sqlite_schema"); !met)
        return tl::unexpected(met.error());
    auto found = borrow();
    if (!found) return tl::unexpected(found.error());
    last_.link = chain::origin();
    if ((*found)->last.row()) {
        last_.at = position{(*found)->last.number(0)};
        last_.link = (*found)->last.text(1);
    }
    (*found)->last.reset();
    checkpointer_.emplace(std::move(*beside), writing_, options_.wal_bound / page_size);
    return {};
}

result<void> sqlite_journal::check_tail() const {
    const auto end = last();
    if (!end) return tl::unexpected(end.error());
    const std::uint64_t from =
        end->at.value > options_.tail_checked ? end->at.value - options_.tail_checked : 0;
    const auto found = audit(*this, position{from});
    if (!found) return tl::unexpected(found.error());
    std::string bad = found->bad ? found->what : std::string{};
    const auto signed_heads = heads();
    if (!signed_heads) return tl::unexpected(signed_heads.error());
    if (bad.empty()) bad = judge_heads(*this, *signed_heads, position{from}).what;
    if (bad.empty()) return {};
    return permanent("journal_broken", path_ + ": " + bad +
                                           "; keep the file, run `caravan audit verify`, and "
                                           "restore from a copy");
}

result<void> sqlite_journal::healthy() const {
    const std::lock_guard lock(known_);
    if (broken_) return tl::unexpected(*broken_);
    return {};
}

result<void> sqlite_journal::check_order(std::span<const port::entry> entries) const {
    std::uint64_t expected = last_.at.value;
    for (const auto& e : entries) {
        if (e.at.value != ++expected)
            return permanent("out_of_order", "position " + std::to_string(e.at.value) + " where " +
                                                 std::to_string(expected) + " follows");
        if (e.link.size() != chain::digest_size ||
            e.bytes.size() + e.inside.size() > entry_size_max)
            return permanent("malformed_entry", "at position " + std::to_string(e.at.value));
    }
    return {};
}

result<void> sqlite_journal::insert(std::span<const port::entry> entries) {
    while (!entries.empty()) {
        const std::size_t rows = entries.size() < rows_a_statement ? 1 : rows_a_statement;
        statement& into = rows == 1 ? insert_one_ : insert_many_;
        for (std::size_t i = 0; i < rows; ++i) {
            const auto stream = number_of(entries[i].stream);
            if (!stream) return tl::unexpected(stream.error());
            bind(into, static_cast<int>(i), *stream, entries[i]);
        }
        if (!into.done()) return writer_.failed("append");
        entries = entries.subspan(rows);
    }
    return {};
}

// A stream's number in the file; a new stream's is drawn.
result<std::uint64_t> sqlite_journal::number_of(const stream_id& stream) {
    if (const auto known = numbers_.find(stream); known != numbers_.end()) return known->second;
    if (numbers_.size() >= numbers_kept) numbers_.clear();
    for (statement* ask : {&number_, &new_number_}) {
        ask->bind_text(1, stream.text);
        const std::uint64_t found = ask->row() ? ask->number(0) : 0;
        if (!ask->reset()) return writer_.failed("append");
        if (found) return numbers_[stream] = found;
    }
    return writer_.failed("append");
}

// Everything that is written goes through here: begin, write, commit; or roll back, and refuse
// everything from then on if the disk is to blame. Under writing_.
result<void> sqlite_journal::commit(const std::function<result<void>()>& write) {
    if (options_.read_only) return permanent("journal_failed", path_ + " was opened read-only");
    if (const auto fit = healthy(); !fit) return fit;
    result<void> written = begin_.done() ? write() : writer_.failed("begin");
    if (written && !commit_.done()) written = writer_.failed("commit");
    if (written) {
        checkpointer_->grown(wal_pages_);
        return written;
    }
    if (writer_.in_transaction()) rollback_.done();
    numbers_.clear();  // some may have been rolled back
    if (written.error().reason == "journal_failed") {
        const std::lock_guard lock(known_);
        broken_ = written.error();
    }
    return written;
}

result<void> sqlite_journal::append(std::span<const port::entry> entries) {
    if (entries.empty()) return {};
    const std::lock_guard lock(writing_);
    auto written = commit([&] {
        auto ordered = check_order(entries);
        return ordered ? insert(entries) : ordered;
    });
    if (written) {
        const std::lock_guard known(known_);
        last_ = {entries.back().at, entries.back().link};
    }
    return written;
}

result<void> sqlite_journal::read(position after, std::size_t limit,
                                  const std::function<bool(const port::entry&)>& each) const {
    auto one = borrow();
    if (!one) return tl::unexpected(one.error());
    return one->walk((*one)->after, after.value, limit,
                     [](const port::entry& e) { return e.at.value; }, each);
}

result<void> sqlite_journal::read_stream(
    const stream_id& stream, version after,
    const std::function<bool(const port::entry&)>& each) const {
    auto one = borrow();
    if (!one) return tl::unexpected(one.error());
    (*one)->of_stream.bind_text(3, stream.text);
    return one->walk((*one)->of_stream, after.value, std::numeric_limits<std::size_t>::max(),
                     [](const port::entry& e) { return e.v.value; }, each);
}

result<port::head> sqlite_journal::last() const {
    if (!options_.read_only) {
        const std::lock_guard lock(known_);
        if (broken_) return tl::unexpected(*broken_);
        return last_;
    }
    auto one = borrow();
    if (!one) return tl::unexpected(one.error());
    port::head found{position{}, chain::origin()};
    if ((*one)->last.row())
        found = {position{(*one)->last.number(0)}, std::string((*one)->last.text(1))};
    if (!(*one)->last.reset()) return (*one)->connection.failed("last");
    return found;
}

result<void> sqlite_journal::put_mark(const std::string& name, std::uint64_t value) {
    const std::lock_guard lock(writing_);
    return commit([&]() -> result<void> {
        mark_.bind_text(1, name);
        mark_.bind(2, value);
        if (!mark_.done()) return writer_.failed("put_mark");
        return {};
    });
}

result<std::uint64_t> sqlite_journal::mark(const std::string& name) const {
    auto one = borrow();
    if (!one) return tl::unexpected(one.error());
    (*one)->mark.bind_text(1, name);
    const std::uint64_t found = (*one)->mark.row() ? (*one)->mark.number(0) : 0;
    if (!(*one)->mark.reset()) return (*one)->connection.failed("mark");
    return found;
}

result<void> sqlite_journal::put_head(const signed_head& head) {
    const std::lock_guard lock(writing_);
    return commit([&]() -> result<void> {
        head_.bind(1, head.at.value);
        head_.bind_blob(2, head.signature);
        head_.bind_text(3, head.key);
        head_.bind_blob(4, head.link);
        const bool found = head_.row();
        if (!head_.reset()) return writer_.failed("put_head");
        if (!found) return permanent("no_such_position", std::to_string(head.at.value));
        return {};
    });
}

result<std::vector<signed_head>> sqlite_journal::heads() const {
    auto one = borrow();
    if (!one) return tl::unexpected(one.error());
    std::vector<signed_head> out;
    statement& rows = (*one)->heads;
    while (rows.row())
        out.push_back({position{rows.number(0)}, std::string(rows.text(1)),
                       std::string(rows.text(2)), std::string(rows.text(3))});
    if (!rows.reset()) return (*one)->connection.failed("heads");
    return out;
}

}  // namespace caravan::adapter
