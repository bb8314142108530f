// How commands of one aggregate become one write, and how what follows from a write joins its commit.
#include <catch2/catch.hpp>

#include "actors/care/need.hpp"
#include "actors/runtime/kinds.hpp"
#include "actors/runtime/shell.hpp"
#include "adapters/sim/journal.hpp"
#include "events/chain.hpp"
#include "tests/unit/runtime/clockwork.hpp"

using namespace caravan;
using namespace std::chrono_literals;

namespace {

class counting final : public port::journal {
  public:
    explicit counting(port::journal& on) : on_(on) {}
    result<void> append(std::span<const port::entry> entries) override {
        sizes.push_back(entries.size());
        return on_.append(entries);
    }
    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override {
        return on_.read(after, limit, each);
    }
    result<void> read_stream(const stream_id& s, version after,
                             const std::function<bool(const port::entry&)>& each) const override {
        return on_.read_stream(s, after, each);
    }
    result<port::head> last() const override { return on_.last(); }
    result<void> put_mark(const std::string& name, std::uint64_t value) override { return on_.put_mark(name, value); }
    result<std::uint64_t> mark(const std::string& name) const override { return on_.mark(name); }
    std::vector<std::size_t> sizes;  // of each append

  private:
    port::journal& on_;
};

// A cloud's actors and ledger.
struct house final : test::clockwork {
    sim::journal_disk medium{1};
    std::unique_ptr<port::journal> opened = std::move(*medium.open());
    counting journal{*opened};
    runtime::ledger ledger{steps, journal, *this, cloud_name("thales"), [](std::size_t n) { return std::string(n, 's'); }};
    runtime::shell shell{steps.actors(), steps, ledger, journal, *this, cloud_name("thales")};

    house() {
        shell.add_kind("van", runtime::spawn_van);
        shell.add_kind("cloud", runtime::spawn_cloud);
        shell.add_kind("visit", runtime::spawn_visit);
        shell.add_kind("actor", runtime::spawn_care);
        ledger.start();
        settle();
    }
    ~house() {
        shell.close();
        steps.drain();
        ledger.stop();
    }
    std::size_t count(std::string_view type, const std::string& stream) const {
        std::size_t n = 0;
        for (const auto& e : written()) n += type_of(e.what).name == type && e.stream.text == stream;
        return n;
    }

    using told = std::shared_ptr<std::optional<runtime::answered>>;
    told wish(const std::string& to, command what, std::vector<said> companions = {}) {
        auto answer = std::make_shared<std::optional<runtime::answered>>();
        runtime::command_mail mail;
        mail.what = std::move(what);
        mail.companions = std::move(companions);
        mail.answer = runtime::reply([answer](const runtime::answered& a) { *answer = a; });
        shell.deliver(stream_id(to), std::move(mail));
        settle();
        return answer;
    }
    told create() { return wish("van/lan", van::command(van::create{7, cloud_name("thales")})); }
    told move(const std::string& mac, std::uint64_t right, std::vector<said> companions = {}) {
        return wish("van/lan", van::command(van::move_route{mac, cloud_name("thales"), host_name("h1"), epoch(right)}),
                    std::move(companions));
    }
    std::vector<event> written() const {
        std::vector<event> all;
        (void)opened->read({}, SIZE_MAX, [&](const port::entry& e) {
            all.push_back(*decode(e.bytes, e.inside));
            return true;
        });
        return all;
    }
};

said submitted(const std::string& id) {
    submission::accepted fact;
    fact.id = id;
    return {submission::fact(fact), {}, submission::stream_of("s", id)};
}

}  // namespace

TEST_CASE("commands that waited for a commit are decided together, each on what the ones before it said") {
    house h;
    const auto created = h.create();
    const auto one = h.move("mac1", 1), two = h.move("mac2", 5), newer = h.move("mac1", 2);
    const auto again = h.move("mac2", 5), stale = h.move("mac2", 4);
    CHECK(h.journal.sizes.empty());
    h.commit();
    REQUIRE(*created);
    CHECK((*created)->ok());
    for (const auto& a : {one, two, newer, again, stale}) CHECK_FALSE(*a);  // nothing is said before it is durable
    h.commit();
    CHECK(h.journal.sizes == std::vector<std::size_t>{1, 3});
    for (const auto& a : {one, two, newer, again, stale}) REQUIRE(*a);
    CHECK((*one)->at == position(2));
    CHECK((*two)->at == position(3));
    CHECK((*newer)->at == position(4));
    CHECK((*again)->ok());
    REQUIRE((*stale)->no);
    CHECK((*stale)->no->reason == "stale_route");
    const auto last = h.move("mac2", 5);  // already so, on record: answered at once
    REQUIRE(*last);
    CHECK((*last)->ok());
}

TEST_CASE("what is refused before anything is decided is answered at once") {
    house h;
    const auto refused = h.move("mac1", 1);
    REQUIRE(*refused);
    CHECK((*refused)->no->reason == "no_such_van");
}

TEST_CASE("one submission that was accepted before spoils none of those that it waited with") {
    house h;
    h.create();
    h.commit();
    h.move("mac1", 1, {submitted("job")});
    h.commit();
    const auto busy = h.move("mac2", 1);
    const auto fine = h.move("mac3", 1, {submitted("other")}), twice = h.move("mac4", 1, {submitted("job")});
    const auto after = h.move("mac5", 1);
    for (int i = 0; i < 8; ++i) h.commit();
    for (const auto& a : {busy, fine, twice, after}) REQUIRE(*a);
    CHECK((*busy)->ok());
    CHECK((*fine)->ok());
    CHECK((*after)->ok());
    REQUIRE((*twice)->broke);
    CHECK((*twice)->broke->reason == "stale_version");
    CHECK(h.written().size() == 7);  // the VAN, four routes, two submissions
}

TEST_CASE("a group that the journal does not take is told to everyone in it, and nothing of it is believed") {
    house h;
    h.create();
    h.commit();
    const auto first = h.move("mac1", 1);
    const auto one = h.move("mac2", 1), again = h.move("mac2", 1);
    h.commit();
    h.medium.faults.full = true;
    h.commit();
    for (const auto& a : {one, again}) {
        REQUIRE(*a);
        REQUIRE((*a)->broke);
        CHECK((*a)->broke->reason == "journal_full");
    }
    h.medium.faults.full = false;
    const auto anew = h.move("mac2", 1);
    CHECK_FALSE(*anew);
    h.commit();
    CHECK((*anew)->at == position(3));
}

TEST_CASE("what follows from a record heard is in the same commit, behind it, and names it") {
    house h;
    h.create();
    h.commit();
    h.shell.set_foreteller([&](const runtime::shell::fact_to_be& f) {
        const auto& heard = std::get<cloud::heard>(std::get<cloud::fact>(f.what.what));
        runtime::command_mail mail;
        mail.what = command(van::command(
            van::move_route{"mac" + heard.event, cloud_name("umea"), {}, epoch(heard.at.value)}));
        mail.causation = f.as_cause;
        mail.hold = f.hold;
        h.shell.deliver(stream_id("van/lan"), std::move(mail));
    });
    cloud::hear records;
    for (std::uint64_t i = 1; i <= 2; ++i) records.records.push_back({sequence(i), "life", "", std::to_string(i)});
    const auto heard = h.wish("cloud/umea", cloud::command(records));
    CHECK_FALSE(*heard);

    SECTION("written") {
        h.commit();
        CHECK((*heard)->ok());
        h.commit();  // the second route waited for the first
        const auto all = h.written();
        REQUIRE(all.size() == 5);
        CHECK(h.journal.sizes == std::vector<std::size_t>{1, 3, 1});
        CHECK(all[1].stream.text == "cloud/umea");
        CHECK(all[2].stream.text == "cloud/umea");
        CHECK(all[3].stream.text == "van/lan");
        CHECK(all[3].causation == position(2));
        CHECK(all[4].causation == position(3));
    }
    SECTION("not written") {
        h.medium.faults.full = true;
        h.commit();
        REQUIRE((*heard)->broke);
        h.medium.faults.full = false;
        h.commit();
        for (const auto& e : h.written()) CHECK(e.causation == position());
    }
}

TEST_CASE("a result that the journal did not take is not lost: the errand is performed again") {
    house h;
    std::vector<asking> performed;
    h.shell.set_performer([&](runtime::shell& in, const stream_id&, const errand& what) {
        performed.push_back(what.key);
        return in.system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
    });
    visit::ask asked{{migration_id("m1"), 0, direction::forward, 1, op::reserve}, {{}}};
    asked.about[0].id = migration_id("m1");
    asked.about[0].to = cloud_name("thales");
    asked.about[0].deadline = h.now() + 1h;
    h.wish("visit/m1", visit::command(asked));
    h.commit();
    REQUIRE(performed.size() == 1);
    h.medium.faults.full = true;
    const auto lost = h.wish("visit/m1", visit::command(visit::hear_result{performed[0], {}, host_name("h1"), {}}));
    h.commit();
    REQUIRE((*lost)->broke);
    h.medium.faults.full = false;
    CHECK(performed.size() == 1);
    h.pass(1s);
    REQUIRE(performed.size() == 2);
    CHECK(performed[1] == performed[0]);
}

TEST_CASE("an actor that keeps dying is brought back rarely, and a person is told; until it lives") {
    house h;
    h.create();
    h.commit();
    const std::string care = "actor/van/lan";
    const auto dies = [&] {
        h.move("mac1", 1);
        h.shell.kill(stream_id("van/lan"));
        h.settle();
        h.pass(61s);
    };
    for (std::uint32_t i = 1; i < care::of_actors.limit; ++i) dies();
    CHECK(h.count("caravan.care.needs_person", care) == 0);
    dies();
    dies();
    CHECK(h.count("caravan.care.needs_person", care) == 1);
    CHECK(h.count("caravan.care.relieved", care) == 0);
    h.pass(care::calm_after);
    CHECK(h.count("caravan.care.relieved", care) == 1);
    dies();  // once, after a quiet time: that is nothing
    CHECK(h.count("caravan.care.needs_person", care) == 1);
    const auto lives = h.move("mac2", 1);
    h.commit();
    CHECK((*lives)->ok());
}

TEST_CASE("an actor that is brought back while its last write is under way knows of it before it decides") {
    house h;
    h.create();
    h.commit();
    h.move("mac1", 1);
    h.commit();
    h.move("mac1", 3);  // on its way to the disk
    REQUIRE(h.shell.kill(stream_id("van/lan")));
    h.settle();
    const auto needless = h.move("mac1", 1);
    CHECK_FALSE(*needless);  // to what is on record it is; to what will be, it comes too late
    h.commit();
    h.pass(1s);
    REQUIRE(*needless);
    CHECK(h.count("caravan.van.route_moved", "van/lan") == 2);
}
