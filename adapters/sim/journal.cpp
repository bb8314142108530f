#include "adapters/sim/journal.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "events/chain.hpp"
#include "events/planted.hpp"

namespace caravan::sim {

struct journal_disk::contents {
    std::mt19937_64 random;
    std::function<void(duration)> spend;
    journal_disk* disk = nullptr;
    std::deque<port::entry> entries;      // their addresses last: readers may append
    std::vector<std::size_t> batch_ends;  // after the durable part: where each batch ends
    std::size_t durable = 0;
    std::unordered_map<stream_id, std::map<version, std::size_t>> streams;  // where each version is
    std::map<std::string, std::uint64_t> marks, durable_marks;
    std::uint64_t life = 0;  // grows with each crash: journals of an earlier life are dead
    bool held = false;

    void make_durable() {
        durable = entries.size();
        durable_marks = marks;
        batch_ends.clear();
    }
    void keep(std::size_t count) {
        for (std::size_t i = count; i < entries.size(); ++i)
            streams[entries[i].stream].erase(entries[i].v);
        entries.resize(count);
        marks = durable_marks;
        make_durable();
    }
    void add(std::span<const port::entry> batch) {
        for (const auto& e : batch) {
            streams[e.stream][e.v] = entries.size();
            entries.push_back(e);
        }
        batch_ends.push_back(entries.size());
    }
    void crash() {
        const std::size_t survive = random() % (batch_ends.size() + 1);
        keep(survive ? batch_ends[survive - 1] : durable);
        ++life;
        held = false;
    }
};

namespace {

class open_journal final : public port::journal {
  public:
    explicit open_journal(std::shared_ptr<journal_disk::contents> on)
        : on_(std::move(on)), life_(on_->life) {
        on_->held = true;
    }
    ~open_journal() override {
        if (on_->life != life_) return;
        on_->make_durable();
        on_->held = false;
    }

    result<void> append(std::span<const port::entry> batch) override {
        if (batch.empty()) return {};
        if (auto fit = writable(); !fit) return fit;
        if (auto sound = check(batch); !sound) return sound;
        if (on_->spend) on_->spend(on_->disk->faults.append_cost);
        on_->add(batch);
        if (std::exchange(on_->disk->faults.die_in_append, false)) {
            on_->crash();
            return permanent("journal_failed", "power was lost during this append");
        }
        if (!on_->disk->faults.fsync_lies && !planted(bug::acknowledge_before_disk)) on_->make_durable();
        return {};
    }

    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override {
        if (auto fit = alive(); !fit) return fit;
        for (std::size_t i = after.value; i < on_->entries.size() && limit > 0; ++i, --limit)
            if (!each(on_->entries[i])) break;
        return {};
    }

    result<void> read_stream(const stream_id& stream, version after,
                             const std::function<bool(const port::entry&)>& each) const override {
        if (auto fit = alive(); !fit) return fit;
        const auto found = on_->streams.find(stream);
        if (found == on_->streams.end()) return {};
        std::vector<std::size_t> wanted;
        for (auto v = found->second.upper_bound(after); v != found->second.end(); ++v)
            wanted.push_back(v->second);
        for (const auto i : wanted)
            if (!each(on_->entries[i])) break;
        return {};
    }

    result<port::head> last() const override {
        if (auto fit = alive(); !fit) return tl::unexpected(fit.error());
        return head();
    }

    result<void> put_mark(const std::string& name, std::uint64_t value) override {
        if (auto fit = writable(); !fit) return fit;
        on_->marks[name] = value;
        if (!on_->disk->faults.fsync_lies) on_->make_durable();
        return {};
    }
    result<std::uint64_t> mark(const std::string& name) const override {
        if (auto fit = alive(); !fit) return tl::unexpected(fit.error());
        const auto found = on_->marks.find(name);
        return found == on_->marks.end() ? 0 : found->second;
    }

  private:
    port::head head() const {
        const auto& all = on_->entries;
        return all.empty() ? port::head{{}, chain::origin()}
                           : port::head{all.back().at, all.back().link};
    }
    result<void> alive() const {
        if (on_->life != life_)
            return permanent("journal_failed", "this journal's process is dead");
        if (broken_) return tl::unexpected(*broken_);
        return {};
    }
    result<void> writable() {
        if (auto fit = alive(); !fit) return fit;
        if (on_->disk->faults.full) return transient("journal_full", "simulated");
        if (!on_->disk->faults.failing) return {};
        broken_ = failure{certainty::permanent, "journal_failed", "simulated I/O error"};
        return tl::unexpected(*broken_);
    }
    result<void> check(std::span<const port::entry> batch) const {
        port::head before = head();
        std::set<std::pair<stream_id, version>> here;
        for (const auto& e : batch) {
            const std::string at = "position " + std::to_string(e.at.value);
            if (e.at != before.at.next()) return permanent("out_of_order", at);
            if (chain::next_link(before.link, e.bytes, e.salt, e.inside) != e.link && !planted(bug::chain_without_insides))
                return permanent("malformed_entry", at + ": the link does not follow");
            const auto known = on_->streams.find(e.stream);
            const bool written = known != on_->streams.end() && known->second.contains(e.v);
            if (written || !here.emplace(e.stream, e.v).second) return permanent("stale_version", at);
            before = {e.at, e.link};
        }
        return {};
    }

    const std::shared_ptr<journal_disk::contents> on_;
    const std::uint64_t life_;
    std::optional<failure> broken_;
};

}  // namespace

journal_disk::journal_disk(std::uint64_t seed, std::function<void(duration)> spend)
    : contents_(std::make_shared<contents>()) {
    contents_->random.seed(seed);
    contents_->spend = std::move(spend);
    contents_->disk = this;
}
journal_disk::~journal_disk() {
    ++contents_->life;
}

result<std::unique_ptr<port::journal>> journal_disk::open() {
    if (contents_->held) return permanent("journal_in_use", "another controller holds this disk");
    if (faults.failing) return permanent("journal_failed", "simulated I/O error");
    return std::make_unique<open_journal>(contents_);
}

void journal_disk::crash() {
    contents_->crash();
}
void journal_disk::sync() {
    contents_->make_durable();
}
std::size_t journal_disk::unsynced() const noexcept {
    return contents_->entries.size() - contents_->durable;
}
void journal_disk::tamper(position at, const std::function<void(port::entry&)>& change) {
    change(contents_->entries.at(at.value - 1));
}

}  // namespace caravan::sim
