// The commands that only look: status, lists, events.
#include <cstdio>
#include <map>

#include "adapters/http/query.hpp"
#include "ops/caravan/talk.hpp"

namespace caravan::ops {

namespace {

const std::map<std::string, std::vector<column>> columns_of = {
    {"clouds", {{"NAME", "name"}, {"OWN", "own", look::yes_no}, {"STATE", "state"},
                {"SENT", "feed.sent"}, {"HEARD", "feed.heard"}, {"PROBLEM", "feed.problem"},
                {"DETAIL", "feed.detail", look::text, true}}},
    {"hosts", {{"NAME", "name"}, {"STATE", "state"}, {"VMS", "vms"}, {"CPUS", "cpus"},
               {"MEMORY", "memory", look::size}, {"FREE", "memory_free", look::size}}},
    {"proxies", {{"NAME", "name"}, {"STATE", "state"}, {"CHANNELS", "channels"}}},
    {"vms", {{"NAME", "name"}, {"STATE", "state"}, {"HOST", "host"}, {"MEMORY", "memory", look::size},
             {"VCPUS", "vcpus"}, {"VAN", "van", look::tags}, {"MIGRATION", "migration"},
             {"EPOCH", "run_right.epoch", look::text, true},
             {"RUN-RIGHT HERE", "run_right.here", look::yes_no, true}}},
    {"vans", {{"NAME", "name"}, {"VNI", "vni"}, {"PORTS", "ports"}, {"ROUTES", "routes"}}},
    {"migrations", {{"ID", "id"}, {"VM", "vm"}, {"FROM", "from"}, {"TO", "to"}, {"STATE", "state"},
                    {"PHASE", "phase"}, {"DONE", "progress.percent", look::percent},
                    {"REASON", "reason"}, {"STARTED", "started", look::when},
                    {"MODE", "mode", look::text, true}, {"DOWNTIME", "downtime_ms", look::millis, true},
                    {"ENDED", "ended", look::when, true}}},
};

const column migration_card[] = {
    {"ID", "id"}, {"VM", "vm"}, {"FROM", "from"}, {"TO", "to"}, {"MODE", "mode"}, {"STATE", "state"},
    {"PHASE", "phase"}, {"REASON", "reason"}, {"DONE", "progress.percent", look::percent},
    {"DISK", "progress.disk_bytes", look::size}, {"MEMORY", "progress.memory_bytes", look::size},
    {"RATE", "progress.bytes_per_second", look::rate}, {"LEFT", "progress.eta_seconds", look::seconds},
    {"DOWNTIME", "downtime_ms", look::millis}, {"STARTED", "started", look::when},
    {"ENDED", "ended", look::when}};
const column step_columns[] = {{"STEP", "name"}, {"STATE", "state"}, {"ATTEMPTS", "attempts"},
                               {"REASON", "reason"}, {"ENDED", "ended", look::when}};
const column route_columns[] = {{"MAC", "mac"}, {"AT", "at"}, {"EPOCH", "epoch"}};
const column status_card[] = {
    {"CLOUD", "cloud"}, {"READY", "ready", look::yes_no}, {"POSITION", "position"}, {"HOSTS", "hosts"},
    {"VMS", "vms"}, {"MIGRATIONS RUNNING", "migrations.running"}, {"MIGRATIONS DONE", "migrations.done"},
    {"MIGRATIONS UNDONE", "migrations.undone"}, {"MIGRATIONS REFUSED", "migrations.refused"}, {"PEERS", "peers", look::tags}};

void put(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void list_items(const json_value& of, const char* key, std::span<const column> columns) {
    const auto found = of.at(key);
    if (!found || found->items().empty()) return;
    put("\n" + table(found->items(), columns, true));
}

void print_one(const options& asked, const std::string& kind, const json_value& thing) {
    if (asked.shape() == form::json) return put(thing.dump() + "\n");
    if (asked.shape() == form::yaml) return put(yaml(thing));
    const auto& columns = columns_of.at(kind);
    put(kind == "migrations" ? card(thing, migration_card) : card(thing, columns));
    list_items(thing, "steps", step_columns);
    if (kind == "vans") list_items(thing, "routes", route_columns);
}

void print_list(const options& asked, const std::string& kind, const json_value& answer) {
    const auto found = answer.at("items");
    const auto items = found ? found->items() : std::vector<json_value>{};
    if (asked.shape() == form::json) {
        for (const auto& item : items) put(item.dump() + "\n");
    } else if (asked.shape() == form::yaml) {
        put(found ? yaml(*found) : "[]\n");
    } else if (items.empty()) {
        std::fprintf(stderr, "There are no %s.\n", kind.c_str());
    } else {
        put(table(items, columns_of.at(kind), asked.shape() == form::wide));
    }
}

void put_need(const json_value& one) {
    const auto since = one.at("since");
    const bool known = since && since->what() == json_value::kind::text;
    put("\n  " + text_at(one, "subject") + ": " + text_at(one, "reason") +
        (known ? ", since " + cell(one, {"", "since", look::when}) : "") + "\n");
    for (const auto& [title, key] : {std::pair{"seen", "observed"}, {"next", "next"}, {"page", "page"}})
        put("      " + std::string(title) + "  " + text_at(one, key) + "\n");
}

// A read of one path; `print` gets the answer's root.
int read(const options& asked, const std::string& path, const std::function<void(const json_value&)>& print) {
    return with_client(asked, [&](client& to) {
        const auto answer = to.get(path);
        if (!answer) return tell(answer.error(), "");
        if (answer->status != 200) return tell_problem(*answer, to.url() + path);
        const auto parsed = json_document::parse(answer->body, answer->body.size());
        if (!parsed || parsed->root().what() != json_value::kind::object)
            return complain(exit_unreachable, "the controller's answer is not a JSON object",
                            to.url() + path, "");
        print(parsed->root());
        return int(exit_done);
    });
}

}  // namespace

int show_status(const options& asked) {
    return read(asked, "/v1/status", [&](const json_value& status) {
        if (asked.shape() == form::json) return put(status.dump() + "\n");
        if (asked.shape() == form::yaml) return put(yaml(status));
        put(card(status, status_card));
        const auto needs = status.at("needs_person");
        if (!needs || needs->items().empty()) return;
        put("\nneeds a person:\n");
        for (const auto& one : needs->items()) put_need(one);
    });
}

int show(const options& asked, const std::string& kind, const std::string& id) {
    const auto path = "/v1/" + kind + (id.empty() ? "" : "/" + http::percent_encoded(id));
    return read(asked, path, [&](const json_value& answer) {
        id.empty() ? print_list(asked, kind, answer) : print_one(asked, kind, answer);
    });
}

int replay(const options& asked, const std::string& at) {
    return read(asked, "/v1/state?at=" + http::percent_encoded(at), [&](const json_value& state) {
        if (asked.shape() == form::json) return put(state.dump() + "\n");
        if (asked.shape() == form::yaml) return put(yaml(state));
        put("at position " + text_at(state, "position") + ", " + cell(state, {"", "time", look::when}) + "\n");
        for (const char* kind : {"clouds", "hosts", "proxies", "vms", "vans", "migrations"})
            if (const auto list = state.at(kind); list && list->at("items") && !list->at("items")->items().empty())
                put("\n" + std::string(kind) + "\n" +
                    table(list->at("items")->items(), columns_of.at(kind), asked.shape() == form::wide));
    });
}

namespace {

// One line a person can scan; the whole of it with -o wide.
void print_event(const options& asked, std::string_view line) {
    const auto parsed = json_document::parse(line);
    if (asked.shape() == form::json || !parsed) return put(std::string(line) + "\n");
    const auto& event = parsed->root();
    if (asked.shape() == form::yaml) return put("---\n" + yaml(event));
    const column when{"", "time", look::when};
    auto type = text_at(event, "type");
    if (type.starts_with("caravan.")) type.erase(0, 8);
    const auto data = event.at("data");
    std::string said;
    if (data)
        for (const auto& [key, value] : data->members())
            if (const auto kind = value.what(); kind != json_value::kind::object && kind != json_value::kind::array)
                said += " " + std::string(key) + "=" + text_at(value, "");
    if (asked.shape() != form::wide && said.size() > 60) said = said.substr(0, 57) + "...";
    char head[256];
    std::snprintf(head, sizeof head, "%8s  %-20s  %-28s %-16s", text_at(event, "position").c_str(),
                  cell(event, when).c_str(), type.c_str(), text_at(event, "subject").c_str());
    auto shown = head + said;
    shown.erase(shown.find_last_not_of(' ') + 1);
    put(shown + "\n");
    std::fflush(stdout);
}

std::string query_of(const events_wish& wish) {
    std::string path = "/v1/events?after=" + std::to_string(wish.after);
    if (wish.limit) path += "&limit=" + std::to_string(wish.limit);
    for (const auto& type : wish.types)
        path += "&type=" + http::percent_encoded(type.starts_with("caravan.") ? type : "caravan." + type);
    for (const auto& subject : wish.subjects) path += "&subject=" + http::percent_encoded(subject);
    if (!wish.saga.empty()) path += "&saga=" + http::percent_encoded(wish.saga);
    return path + (wish.follow ? "&follow=true" : "");
}

}  // namespace

int show_events(const options& asked, const events_wish& wish) {
    return with_client(asked, [&](client& to) {
        const auto path = query_of(wish);
        const auto silence = std::chrono::milliseconds(wish.follow ? 0 : 30'000);
        bool any = false;
        const auto answer = to.lines(path, silence, [&](std::string_view line) {
            any = true;
            print_event(asked, line);
            return true;
        });
        if (!answer) return tell(answer.error(), "");
        if (answer->status != 200) return tell_problem(*answer, to.url() + path);
        std::string named = wish.saga;
        for (const auto& s : wish.subjects) named += (named.empty() ? "" : ", ") + s;
        if (!any && !named.empty() && wish.after == 0)
            return complain(exit_no_such_thing, "no event concerns " + named, to.url() + path, "caravan events");
        return int(exit_done);
    });
}

}  // namespace caravan::ops
