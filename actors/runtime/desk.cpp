// The desk: submissions in, receipts out; reads from the folded view; subscriptions.
#include <algorithm>
#include <set>

#include "actors/runtime/audit.hpp"
#include "actors/runtime/controller.hpp"
#include "actors/runtime/receipt.hpp"
#include "topology/view.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

class front_desk final : public port::desk {
  public:
    explicit front_desk(controller& c) : controller_(c) {
        c.tell_events_ = [this](std::span<const committed> all) { tell(all); };
        c.tell_progress_ = [this](const progress& p) { tell(p); };
    }

    void submit(const port::caller& who, std::string text, std::function<void(std::string)> receipt) override {
        auto document = json_document::parse(text, 1u << 20);
        if (!document) return receipt(problem_receipt({}, "malformed", "malformed", document.error().detail));
        auto e = read_event(document->root());
        if (!e) return receipt(problem_receipt({}, "malformed", "malformed", e.error()));
        if (const auto before = receipt_before(*e); before && !planted(bug::no_idempotency)) return receipt(*before);
        if (const auto gone = controller_.ledger_.failed())
            return receipt(problem_receipt(*e, "refused", gone->reason, gone->detail + "; nothing is accepted until that is mended "
                                                                    "and the controller was started anew"));
        using port::role;
        struct wished {
            void (front_desk::*take)(const port::caller&, const cloud_event&, std::function<void(std::string)>);
            role least;  // that may wish it
            std::vector<member> data;
        };
        static const std::map<std::string_view, wished> known = {
            {"caravan.vm.migrate",
             {&front_desk::migrate, role::scheduler,
              {{"to", wants::text}, {"mode", wants::text}, {"deadline_seconds", wants::number},
               {"max_downtime_ms", wants::number}, {"bandwidth", wants::number}}}},
            {"caravan.migration.abort", {&front_desk::abort, role::scheduler, {}}},
            {"caravan.migration.reclaim",
             {&front_desk::reclaim, role::operator_, {{"reason", wants::text}, {"destination_fenced", wants::flag}}}},
            {"caravan.van.create", {&front_desk::create_van, role::scheduler, {}}},
            {"caravan.van.delete", {&front_desk::delete_van, role::scheduler, {}}},
            {"caravan.cloud.resume_feed", {&front_desk::resume_feed, role::operator_, {{"anew", wants::flag}}}}};
        const auto found = known.find(e->type);
        if (found == known.end())
            return receipt(problem_receipt(*e, "refused", "unknown_type", "no submission is of type " + e->type));
        if (who.as < found->second.least)
            return receipt(problem_receipt(*e, "refused", "role_too_low", "only an operator may submit " + e->type));
        if (const auto wrong = misfit(e->data, found->second.data))
            return receipt(problem_receipt(*e, "malformed", "malformed", "/data" + *wrong));
        (this->*found->second.take)(who, *e, std::move(receipt));
    }

    void read(const port::caller&, std::string path, std::string at, std::function<void(port::answer)> done) override {
        std::optional<std::string> found;
        if (path == "/audit") {
            auto report = audit_of(*controller_.ports.journal);
            if (!report) return done({503, {}, report.error().reason, report.error().detail});
            found = std::move(*report);
        } else if (path.starts_with("/audit/")) {
            found = audited_entry(*controller_.ports.journal, position(std::strtoull(path.c_str() + 7, nullptr, 10)));
        } else if (at.empty()) {
            const auto o = options();
            controller_.with_view([&](const topology::federation& f) { found = topology::view(f, path, o); });
        } else {
            auto then = as_of(at);
            if (!then) return done({then.error().reason == "malformed" ? 400 : 503, {}, then.error().reason, then.error().detail});
            auto o = options();
            o.progress = {};
            o.now.reset();
            found = topology::view(*then, path, o);
        }
        if (found) return done({200, std::move(*found), {}, {}});
        const auto what = path.substr(0, path.find('/', 1));
        const auto reason = reason_of_absence(what);
        const auto thing = reason.starts_with("no_such_") ? reason.substr(8) : what.substr(1);
        const auto name = path.size() > what.size() ? path.substr(what.size() + 1) : path;
        done({404, {}, reason, "no " + thing + " is named " + name + " in " + controller_.own.text});
    }

    void plan(const port::caller&, std::string request, std::function<void(port::answer)> done) override {
        const auto document = json_document::parse(request, 1u << 16);
        if (!document) return done({400, {}, "malformed", document.error().detail});
        cloud_event e;
        e.data = document->root();
        if (e.data->what() != json_value::kind::object) return done({400, {}, "malformed", "a plan is asked for by an object"});
        static const member known[] = {{"vm", wants::text}, {"to", wants::text}, {"mode", wants::text},
                                       {"link_bytes_per_second", wants::number}, {"bandwidth", wants::number}};
        if (auto wrong = misfit(e.data, known)) return done({400, {}, "malformed", std::move(*wrong)});
        const auto link = number_in(e, "link_bytes_per_second", 20'000'000), bandwidth = number_in(e, "bandwidth", 0);
        const auto asked_mode = text_in(e, "mode");
        if (!known_mode(asked_mode))
            return done({400, {}, "malformed", "/mode: wants auto, cow or disk"});
        const auto rate = bandwidth ? std::min(link, bandwidth) : link;
        const vm_name vm(text_in(e, "vm"));
        const cloud_name to(text_in(e, "to"));
        topology::plan p;
        copy_mode mode = copy_mode::cow;
        controller_.with_view([&](const topology::federation& f) {
            mode = mode_of(f, vm, asked_mode);
            p = topology::plan_of(f, vm, to, mode, std::max<bytes>(rate, 1));
        });
        done({200, plan_json(p, vm, to, mode), {}, {}});
    }

    void events(const port::caller&, const port::event_filter& filter,
                std::function<void(std::vector<std::string>, position)> done) override {
        std::vector<std::string> lines;
        position upto = filter.after;
        (void)controller_.ports.journal->read(filter.after, SIZE_MAX, [&](const port::entry& e) {
            upto = e.at;
            if (passes(filter, e.type, e.stream, e.bytes)) lines.push_back(e.bytes);
            return lines.size() < filter.limit;
        });
        done(std::move(lines), upto);
    }

    std::unique_ptr<port::subscription> subscribe(const port::event_filter& filter,
                                                  std::function<void(const port::news&)> tell) override {
        const std::lock_guard lock(mutex_);
        const auto number = next_++;
        listeners_[number] = {filter, std::move(tell)};
        return std::make_unique<listening>(*this, number);
    }

    bool ready() const override { return !controller_.ledger_.failed(); }

    std::string metrics() const override {
        std::uint64_t vms = 0;
        std::map<std::string, std::uint64_t> by_state;
        controller_.with_view([&](const topology::federation& f) {
            for (const auto& [id, m] : f.migrations) ++by_state[m.state];
            for (const auto& [name, v] : f.vms) vms += v.ours;
        });
        const auto line = [](const char* name, const char* type, std::uint64_t value, const char* labels = "") {
            return "# TYPE " + std::string(name) + " " + type + "\n" + name + labels + " " + std::to_string(value) + "\n";
        };
        return line("caravan_journal_position", "counter", controller_.ledger_.head().value) +
               line("caravan_vms", "gauge", vms) + line("caravan_migrations_running", "gauge", by_state["running"]) +
               line("caravan_migrations_done_total", "counter", by_state["done"]) +
               line("caravan_migrations_undone_total", "counter", by_state["undone"]) +
               line("caravan_migrations_refused_total", "counter", by_state["refused"]);
    }

  private:
    struct listener {
        port::event_filter filter;
        std::function<void(const port::news&)> tell;
    };
    class listening final : public port::subscription {
      public:
        listening(front_desk& at, std::uint64_t number) : at_(at), number_(number) {}
        ~listening() override {
            const std::lock_guard lock(at_.mutex_);
            at_.listeners_.erase(number_);
        }

      private:
        front_desk& at_;
        const std::uint64_t number_;
    };

    static std::string reason_of_absence(const std::string& list) {
        static const std::map<std::string_view, const char*> reasons = {
            {"/vms", "no_such_vm"},   {"/hosts", "no_such_host"},           {"/proxies", "no_such_proxy"},
            {"/vans", "no_such_van"}, {"/migrations", "no_such_migration"}, {"/clouds", "no_such_cloud"}};
        const auto found = reasons.find(list);
        return found == reasons.end() ? "no_such_thing" : found->second;
    }

    static bool passes(const port::event_filter& f, const std::string& type, const stream_id& stream,
                       const std::string& line) {
        const auto in = [](const std::vector<std::string>& all, std::string_view one) {
            return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
        };
        // The facts that begin a saga have none yet: its own stream's first, and the one that names it.
        const auto names = [&](const char* key) { return line.find(key + ("\":\"" + f.saga + "\"")) != std::string::npos; };
        return in(f.types, type) && in(f.subjects, subject_of(stream)) &&
               (f.saga.empty() || names("\"saga") || names("\"subject") || names("\"migration"));
    }

    topology::view_options options() const {
        return {step_names(), [this](const migration_id& id) {
                    const auto found = controller_.progress_.find(id);  // the view's lock is held
                    return found == controller_.progress_.end() ? std::string() : found->second;
                },
                controller_.standing()};
    }

    result<topology::federation> as_of(const std::string& at) const {
        const bool number = at.find_first_not_of("0123456789") == std::string::npos;
        const auto time = number ? std::nullopt : parse_instant(at);
        if (!number && !time) return permanent("malformed", "at: wants a position or an RFC 3339 time");
        const position last(number ? std::strtoull(at.c_str(), nullptr, 10) : UINT64_MAX);
        if (number && last > controller_.ledger_.head())
            return permanent("malformed", "at: the journal ends at position " +
                                              std::to_string(controller_.ledger_.head().value));
        topology::federation f;
        f.own = controller_.own;
        for (const auto& p : controller_.ports.peers) f.peers[p.cloud];
        const auto names = step_names();
        std::optional<failure> bad;
        auto read = controller_.ports.journal->read({}, SIZE_MAX, [&](const port::entry& e) {
            if (e.at > last) return false;
            const auto known = decode(e.bytes, e.inside);
            if (!known) bad = {certainty::permanent, "journal_unreadable", "position " + std::to_string(e.at.value) + ": " + known.error().detail};
            if (!known || (time && known->time > *time)) return false;
            topology::fold(f, *known, names);
            return true;
        });
        if (!read) return tl::unexpected(read.error());
        if (bad) return tl::unexpected(*bad);
        return f;
    }

    // The first answer to this (source, id), for ever.
    std::optional<std::string> receipt_before(const cloud_event& e) const {
        std::optional<std::string> found;
        (void)controller_.ports.journal->read_stream(submission::stream_of(e.source, e.id), {}, [&](const port::entry& kept) {
            const auto known = decode(kept.bytes, kept.inside);
            const auto* group = known ? std::get_if<submission::fact>(&known->what) : nullptr;
            if (group)
                found = good_receipt(e.source, e.id, "duplicate", kept.at, std::get<submission::accepted>(*group).migration);
            return false;
        });
        return found;
    }

    static bool known_mode(const std::string& mode) {
        return mode.empty() || mode == "auto" || from_text<copy_mode>(mode);
    }

    // `mode` as asked; "auto" (or nothing) copies overlays where every disk has a base image.
    static copy_mode mode_of(const topology::federation& f, const vm_name& vm, const std::string& mode) {
        if (const auto exact = from_text<copy_mode>(mode)) return *exact;
        const auto found = f.vms.find(vm);
        if (found == f.vms.end()) return copy_mode::cow;
        const auto& disks = found->second.spec.disks;
        return std::all_of(disks.begin(), disks.end(), [](const auto& d) { return !d.base_digest.empty(); })
                   ? copy_mode::cow : copy_mode::disk;
    }

    static std::string plan_json(const topology::plan& p, const vm_name& vm, const cloud_name& to, copy_mode mode) {
        std::string text;
        json_out out(text);
        const auto put = [&](std::string_view key, const auto& value) {
            out.key(key);
            write_json(out, value);
        };
        out.begin_object();
        put("vm", vm);
        put("to", to);
        put("mode", mode);
        put("feasible", p.obstacles.empty());
        out.key("obstacles");
        out.begin_array();
        for (const auto& [reason, detail] : p.obstacles) {
            out.begin_object();
            put("reason", reason);
            put("detail", detail);
            out.end_object();
        }
        out.end_array();
        put("disk_bytes", p.disk);
        put("memory_bytes", p.memory);
        put("seconds", std::uint64_t(p.total.count() / 1'000'000));
        put("downtime_ms", std::uint64_t(p.downtime.count() / 1000));
        out.end_object();
        return text;
    }

    // Sends a command with the submission's receipt in the same transaction; answers the caller.
    void wish(const port::caller& who, const cloud_event& e, const stream_id& to, command what,
              const migration_id& migration, std::function<void(std::string)> receipt) {
        command_mail mail;
        mail.what = std::move(what);
        mail.traceparent = e.traceparent;
        mail.companions.push_back({submission::fact(submission::accepted{e.source, e.id, e.type, e.subject, migration, who.name}),
                                   {}, submission::stream_of(e.source, e.id)});
        mail.answer = reply([this, e, migration, receipt = std::move(receipt)](const answered& a) {
            if (a.ok()) return receipt(good_receipt(e.source, e.id, "accepted", a.at, migration));
            if (a.no) return receipt(problem_receipt(e, "refused", a.no->reason, a.no->detail));
            if (a.broke->reason == "stale_version")  // the same submission, at the same time
                if (const auto before = receipt_before(e)) return receipt(*before);
            if (controller_.ports.log) controller_.ports.log("nothing is written: " + a.broke->reason + ": " + a.broke->detail);
            const bool unknown = a.broke->kind == certainty::unknown;  // it may still be written
            receipt(problem_receipt(e, "refused", a.broke->reason,
                                    unknown ? "whether it was accepted is not known: send it again as it is"
                                            : "nothing was accepted: try again"));
        });
        controller_.actors().deliver(to, std::move(mail));
    }

    void migrate(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        const cloud_name to(text_in(e, "to"));
        const auto mode = text_in(e, "mode");
        const auto refuse = [&](const char* reason, const std::string& detail) {
            receipt(problem_receipt(e, "refused", reason, detail));
        };
        if (!valid_name(to.text)) return receipt(problem_receipt(e, "malformed", "malformed", "/data/to: wants a cloud's name"));
        if (!known_mode(mode))
            return receipt(problem_receipt(e, "malformed", "malformed", "/data/mode: wants auto, cow or disk"));
        const vm_name vm(e.subject);
        vm::begin_move move;
        move.migration = controller_.ports.new_migration_id();
        move.to = to;
        bool known = false;
        controller_.with_view([&](const topology::federation& f) {
            const auto found = f.vms.find(vm);
            known = found != f.vms.end() && found->second.state != "absent" && found->second.state != "released";
            move.mode = mode_of(f, vm, mode);
            if (known && found->second.migration.empty()) move.over = found->second.last;
        });
        if (!known) return refuse("no_such_vm", "no VM is named " + vm.text + " in " + controller_.own.text);
        if (to != controller_.own && !controller_.peer(to))
            return refuse("no_such_cloud", "no peer of " + controller_.own.text + " is named " + to.text);
        const auto seconds = std::clamp<std::uint64_t>(number_in(e, "deadline_seconds", 600), 10, 7 * 86400);
        move.deadline = controller_.ports.clock->now() + std::chrono::seconds(seconds);
        move.downtime_max = std::chrono::milliseconds(std::min<std::uint64_t>(number_in(e, "max_downtime_ms", 0), 3'600'000));
        move.bandwidth = number_in(e, "bandwidth", 0);
        move.traceparent = e.traceparent;
        const auto id = move.migration;
        wish(who, e, stream_id("vm/" + vm.text), command(vm::command(std::move(move))), id, std::move(receipt));
    }

    // A migration that this cloud runs, or a receipt that says no.
    std::optional<migration_id> own_migration(const cloud_event& e, const std::function<void(std::string)>& receipt) {
        bool known = false;
        const migration_id id(e.subject);
        controller_.with_view([&](const topology::federation& f) {
            const auto found = f.migrations.find(id);
            known = found != f.migrations.end() && found->second.here_is_source;
        });
        if (known) return id;
        receipt(problem_receipt(e, "refused", "no_such_migration", "no migration of this cloud's VMs is " + id.text));
        return std::nullopt;
    }

    void abort(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        if (const auto id = own_migration(e, receipt))
            wish(who, e, stream_id("migration/" + id->text), command(migration::command(migration::abort{who.name})), *id,
                 std::move(receipt));
    }

    void reclaim(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        const auto why = text_in(e, "reason");
        if (why.empty() || why.size() > 1000)
            return receipt(problem_receipt(e, "malformed", "malformed", "/data/reason: wants some words on why"));
        if (const auto id = own_migration(e, receipt))
            wish(who, e, stream_id("migration/" + id->text),
                 command(migration::command(migration::reclaim{who.name, why, flag_in(e, "destination_fenced")})), *id, std::move(receipt));
    }

    void create_van(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        if (!valid_name(e.subject) || e.subject.size() > van_name_max)
            return receipt(problem_receipt(e, "malformed", "malformed",
                                           "/subject: a VAN's name is 1 … 11 of a-z, 0-9, '-' and '.'"));
        const van_name name(e.subject);
        wish(who, e, stream_id("van/" + name.text),
             command(van::command(van::create{topology::vni_of(name), controller_.own})), {}, std::move(receipt));
    }

    void delete_van(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        wish(who, e, stream_id("van/" + e.subject), command(van::command(van::remove{})), {}, std::move(receipt));
    }

    void resume_feed(const port::caller& who, const cloud_event& e, std::function<void(std::string)> receipt) {
        if (!controller_.peer(cloud_name(e.subject)))
            return receipt(problem_receipt(e, "refused", "no_such_cloud", "no peer is named " + e.subject));
        wish(who, e, stream_id("cloud/" + e.subject),
             command(cloud::command(cloud::resume_feed{flag_in(e, "anew")})), {}, std::move(receipt));
    }

    void tell(std::span<const committed> all) {
        const std::lock_guard lock(mutex_);
        for (const auto& [number, l] : listeners_)
            for (const auto& one : all)
                if (passes(l.filter, std::string(type_of(one.what.what).name), one.what.stream, *one.bytes))
                    l.tell({port::news::kind::event, one.what.at, one.bytes});
    }

    void tell(const progress& p) {
        const std::lock_guard lock(mutex_);
        if (listeners_.empty()) return;
        const auto text = std::make_shared<const std::string>(to_json(p));
        for (const auto& [number, l] : listeners_)
            if (l.filter.saga.empty() || l.filter.saga == p.migration.text)
                l.tell({port::news::kind::progress, {}, text});
    }

    controller& controller_;
    std::mutex mutex_;
    std::map<std::uint64_t, listener> listeners_;
    std::uint64_t next_ = 1;
};

std::unique_ptr<port::desk> make_desk(controller& c) { return std::make_unique<front_desk>(c); }

}  // namespace caravan::runtime
