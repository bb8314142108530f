// The commands that move things: plan, migrate, abort, watch, VANs, submit.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "adapters/http/query.hpp"
#include "ops/caravan/schema.hpp"
#include "ops/caravan/talk.hpp"
#include "ops/caravan/text.hpp"

namespace caravan::ops {

namespace {

using clock = std::chrono::steady_clock;
constexpr auto look_again = std::chrono::milliseconds(250);
constexpr auto patience = std::chrono::seconds(60);  // for a controller that restarts, or is a bit late

void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

struct wished {
    std::string json;  // event data, or a plan's request
    clock::duration deadline{};
};

result<wished> data_of(const migrate_wish& wish, bool with_vm) {
    wished made;
    json_out out(made.json);
    const auto text = [&](const char* key, const std::string& value) {
        out.key(key);
        out.value(std::string_view(value));
    };
    out.begin_object();
    if (with_vm) text("vm", wish.vm);
    text("to", wish.to);
    text("mode", wish.mode);
    if (!wish.deadline.empty()) {
        const auto t = parse_duration(wish.deadline);
        if (!t) return tl::unexpected(t.error());
        made.deadline = *t;
        out.key("deadline_seconds");
        out.value(std::max<std::int64_t>(1, t->count() / 1'000'000));
    }
    if (!wish.max_downtime.empty()) {
        const auto t = parse_duration(wish.max_downtime);
        if (!t) return tl::unexpected(t.error());
        out.key("max_downtime_ms");
        out.value(std::int64_t(t->count() / 1000));
    }
    if (!wish.bandwidth.empty()) {
        const auto rate = parse_rate(wish.bandwidth);
        if (!rate) return tl::unexpected(rate.error());
        out.key("bandwidth");
        out.value(*rate);
    }
    out.end_object();
    return made;
}

std::string progress_line(const json_value& m) {
    const auto state = text_at(m, "state");
    const auto phase = text_at(m, "phase");
    std::string line = text_at(m, "vm") + " -> " + text_at(m, "to") + "  ";
    const auto why = text_at(m, "reason");
    if (state == "running" && !why.empty()) return line + "undoing " + phase + "  (" + why + ")";
    line += state == "running" ? (phase.empty() ? "starting" : phase) : tinted(state, state);
    const column percent{"", "progress.percent", look::percent}, rate{"", "progress.bytes_per_second", look::rate},
        left{"", "progress.eta_seconds", look::seconds};
    if (state != "running") return line;
    if (const auto p = cell(m, percent); !p.empty()) line += "  " + p;
    if (const auto r = cell(m, rate); !r.empty() && r != "0 B/s") line += "  " + r;
    if (const auto l = cell(m, left); !l.empty() && l != "0 ms") line += "  " + l + " left";
    return line;
}

// One line that renews itself on a terminal; in a pipe a line for each phase and each tenth.
class progress_shown {
  public:
    explicit progress_shown(const options& asked) : json_(asked.shape() == form::json) {}
    void show(const json_value& m) {
        if (json_) return;
        const auto line = progress_line(m);
        if (terminal_) {
            put("\r\033[K" + line);
            return;
        }
        const auto done = std::strtod(text_at(m, "progress.percent").c_str(), nullptr);
        const auto mark = text_at(m, "state") + text_at(m, "phase") + std::to_string(int(done / 10));
        if (mark != std::exchange(said_, mark)) put(line + "\n");
    }
    void end(const json_value& m) {
        if (json_) return put(m.dump() + "\n");
        if (terminal_) put("\r\033[K");
        const column downtime{"", "downtime_ms", look::millis};
        auto line = progress_line(m);
        if (const auto d = cell(m, downtime); !d.empty()) line += "  downtime " + d;
        if (const auto why = text_at(m, "reason"); !why.empty()) line += "  (" + why + ")";
        put(line + "\n");
    }

  private:
    bool json_, terminal_ = on_terminal(STDOUT_FILENO);
    std::string said_ = "?";
};

int ended_as(const json_value& m) {
    const auto state = text_at(m, "state"), reason = text_at(m, "reason");
    if (state == "done") return exit_done;
    if (reason.find("deadline") != std::string::npos) return exit_deadline;
    return state == "refused" ? exit_refused : exit_otherwise;
}

// Looks until it has ended. A controller that is away for a while is waited for: the migration goes on.
int follow(const options& asked, client& to, const std::string& id, clock::duration deadline) {
    progress_shown shown(asked);
    const auto path = "/v1/migrations/" + http::percent_encoded(id);
    auto heard = clock::now();
    const auto until = deadline.count() ? clock::now() + deadline + patience : clock::time_point::max();
    for (;;) {
        const auto answer = to.get(path);
        const auto parsed = answer && answer->status == 200 ? json_document::parse(answer->body)
                                                            : permanent("none");
        if (parsed) {
            heard = clock::now();
            if (text_at(parsed->root(), "state") != "running") {
                shown.end(parsed->root());
                return ended_as(parsed->root());
            }
            shown.show(parsed->root());
        } else if (answer && answer->status != 200 && answer->status < 500) {
            return tell_problem(*answer, to.url() + path);
        } else if (clock::now() - heard > patience) {
            return answer ? tell_problem(*answer, to.url() + path) : tell(answer.error(), "migration " + id);
        }
        if (clock::now() > until)
            return complain(exit_deadline, "migration " + id + " has not ended by its deadline",
                            to.url() + path, "caravan watch " + id);
        std::this_thread::sleep_for(look_again);
    }
}

int print_migration(const options& asked, client& to, const std::string& id) {
    if (asked.shape() != form::json && asked.shape() != form::yaml) {
        put(id + "\n");
        return exit_done;
    }
    const auto answer = to.get("/v1/migrations/" + http::percent_encoded(id));
    if (!answer || answer->status != 200)
        return complain(exit_unreachable, "migration " + id + " was accepted, but the controller does not say how it stands",
                        to.url(), "caravan watch " + id);
    const auto parsed = json_document::parse(answer->body);
    if (parsed) put(asked.shape() == form::json ? parsed->root().dump() + "\n" : yaml(parsed->root()));
    return exit_done;
}

// Submits an event of which nothing more is to be awaited.
int submit_and_say(const options& asked, const std::string& event, const std::string& done) {
    return with_client(asked, [&](client& to) {
        return submit_event(to, event, [&](const json_value& receipt) {
            put(asked.shape() == form::json ? receipt.dump() + "\n" : done + "\n");
            return int(exit_done);
        });
    });
}

}  // namespace

int plan(const options& asked, const migrate_wish& wish) {
    const auto request = data_of(wish, true);
    if (!request) return complain(exit_usage, request.error().detail, "", "caravan plan --help");
    return with_client(asked, [&](client& to) {
        const auto answer = to.post("/v1/plan", "application/json", request->json);
        if (!answer) return tell(answer.error(), "");
        if (answer->status != 200) return tell_problem(*answer, to.url() + "/v1/plan");
        const auto parsed = json_document::parse(answer->body);
        if (!parsed) return complain(exit_unreachable, "the plan is not JSON", to.url(), "");
        put(asked.shape() == form::json ? parsed->root().dump() + "\n" : yaml(parsed->root()));
        const auto obstacles = parsed->root().at("obstacles");
        if (!obstacles || obstacles->items().empty()) return int(exit_done);
        const auto why = text_at(obstacles->items().front(), "reason");
        return why.starts_with("no_such_") ? int(exit_no_such_thing) : int(exit_refused);
    });
}

int migrate(const options& asked, const migrate_wish& wish) {
    const auto data = data_of(wish, false);
    if (!data) return complain(exit_usage, data.error().detail, "", "caravan migrate --help");
    return with_client(asked, [&](client& to) {
        return submit_event(to, event_of("caravan.vm.migrate", wish.vm, data->json),
                            [&](const json_value& receipt) {
                                const auto id = text_at(receipt, "migration");
                                if (!wish.wait) return print_migration(asked, to, id);
                                return follow(asked, to, id, data->deadline);
                            });
    });
}

int abort_migration(const options& asked, const std::string& id) {
    return submit_and_say(asked, event_of("caravan.migration.abort", id, "{}"),
                          "abort of " + id + " accepted; see how it ends: caravan watch " + id);
}

int reclaim(const options& asked, const std::string& id, bool fenced, const std::string& why) {
    std::string data;
    json_out out(data);
    out.begin_object();
    out.key("destination_fenced");
    out.value(fenced);
    out.key("reason");
    out.value(std::string_view(why));
    out.end_object();
    return submit_and_say(asked, event_of("caravan.migration.reclaim", id, data),
                          "the run-right comes back; see the VM start here: caravan watch " + id);
}

int create_van(const options& asked, const std::string& name) {
    return submit_and_say(asked, event_of("caravan.van.create", name, "{}"), "van " + name + " accepted");
}

int delete_van(const options& asked, const std::string& name) {
    return submit_and_say(asked, event_of("caravan.van.delete", name, "{}"), "deletion of " + name + " accepted");
}

int watch(const options& asked, const std::string& id) {
    if (!id.empty()) return with_client(asked, [&](client& to) { return follow(asked, to, id, {}); });
    std::uint64_t after = 0;
    const int looked = with_client(asked, [&](client& to) {
        const auto status = to.get("/v1/status");
        if (!status) return tell(status.error(), "");
        if (status->status != 200) return tell_problem(*status, to.url());
        if (const auto parsed = json_document::parse(status->body); parsed)
            if (const auto position = parsed->root().at("position")) after = position->as_uint().value_or(0);
        return int(exit_done);
    });
    return looked == exit_done ? show_events(asked, {.after = after, .limit = 0, .types = {},
                                                     .subjects = {}, .saga = {}, .follow = true})
                               : looked;
}

namespace {

constexpr std::size_t lines_at_once = 1000;  // below what the gateway holds unanswered

// Some lines as one stream; prints the receipts; the worst exit code of them.
int submit_lines(client& to, const std::string& lines) {
    const auto answer = to.post("/v1/events", "application/x-ndjson", lines);
    if (!answer) return tell(answer.error(), "");
    if (answer->status != 200) return tell_problem(*answer, to.url());
    put(answer->body);
    int worst = exit_done;
    for (const auto& line : split(answer->body, '\n')) {
        const auto receipt = json_document::parse(line);
        const auto status = receipt ? text_at(receipt->root(), "status") : "malformed";
        if (status == "malformed" && worst == exit_done) worst = exit_usage;
        if (status == "refused") worst = exit_refused;
    }
    return worst;
}

// An event or a list of events written over several lines, as one line each.
std::string one_a_line(const std::string& text) {
    const auto parsed = json_document::parse(text, text.size());
    if (!parsed) return text;
    if (parsed->root().what() != json_value::kind::array) return parsed->root().dump() + "\n";
    std::string out;
    for (const auto& item : parsed->root().items()) out += item.dump() + "\n";
    return out;
}

// Lines are sent as soon as there are no more to be had at once, so that a pipe gets its receipts.
int submit_stream(client& to, std::istream& from) {
    int worst = exit_done;
    std::string lines, line;
    for (std::size_t count = 0; std::getline(from, line);) {
        lines += line + "\n";
        if (++count < lines_at_once && from.rdbuf()->in_avail() > 0) continue;
        worst = std::max(worst, submit_lines(to, std::exchange(lines, {})));
        if (worst == exit_unreachable) return worst;
        count = 0;
    }
    return lines.empty() ? worst : std::max(worst, submit_lines(to, lines));
}

}  // namespace

int submit(const options& asked, const std::string& file) {
    return with_client(asked, [&](client& to) {
        if (file == "-") {
            std::ios::sync_with_stdio(false);
            return submit_stream(to, std::cin);
        }
        std::ifstream from(file);
        // Of a folder the first read fails, and another would throw.
        if (from.peek(); !from && !from.eof())
            return complain(exit_usage, "there is no readable file " + file, "", "caravan submit --help");
        const std::string text((std::istreambuf_iterator<char>(from)), {});
        if (text.find_first_not_of(" \t\r\n") == text.npos)
            return complain(exit_usage, file + " holds no event", "", "caravan submit --help");
        std::istringstream lines(one_a_line(text));
        return submit_stream(to, lines);
    });
}

}  // namespace caravan::ops
