#include "ops/caravan/talk.hpp"

#include <openssl/rand.h>

#include <chrono>
#include <map>

namespace caravan::ops {

namespace {

// A ULID: 48 bits of milliseconds and 80 of chance, in Crockford's base 32.
std::string fresh_id() {
    constexpr char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char chance[16];
    RAND_bytes(chance, sizeof chance);
    auto millis = std::uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::system_clock::now().time_since_epoch())
                                    .count());
    std::string id(26, '0');
    for (std::size_t i = 10; i-- > 0; millis >>= 5) id[i] = digits[millis & 31];
    for (std::size_t i = 0; i < 16; ++i) id[10 + i] = digits[chance[i] & 31];
    return id;
}

bool of_the_journal(const std::string& reason) { return reason.starts_with("journal_"); }

int code_of(int status, const std::string& reason) {
    if (status == 404 || reason.starts_with("no_such_")) return exit_no_such_thing;
    if (reason.find("deadline") != std::string::npos) return exit_deadline;
    if (status == 400 || status == 413 || status == 415) return exit_usage;
    if (of_the_journal(reason)) return exit_refused;  // there is a controller, and it says no
    return status >= 500 ? exit_unreachable : exit_refused;
}

const char* next_step(int status, const std::string& reason) {
    if (status == 401) return "set CARAVAN_TOKEN or --token-file to a token that the controller knows";
    if (status == 403) return "ask for a token or certificate of a higher role";
    if (reason == "journal_full") return "make room on the controller's disk, then again";
    if (of_the_journal(reason)) return "caravan status (it says what a person has to do)";
    if (status == 503) return "wait a moment and ask again";
    if (reason == "no_such_vm") return "caravan vms";
    if (reason == "no_such_cloud") return "caravan clouds";
    if (reason == "no_such_host") return "caravan hosts";
    if (reason == "no_such_van") return "caravan vans";
    if (reason == "no_such_migration" || reason == "vm_already_moving") return "caravan migrations";
    if (reason == "van_in_use") return "caravan vms";
    return "";
}

}  // namespace

int with_client(const options& asked, const std::function<int(client&)>& work) {
    allow_colour(!asked.no_colour);
    auto to = find_endpoint(asked);
    if (!to) return tell(to.error(), "");
    auto made = client::make(std::move(*to));
    if (!made) return tell(made.error(), "");
    return work(*made);
}

int tell(const failure& why, const std::string& where) {
    const auto& reason = why.reason;
    if (reason == "unreachable")
        return complain(exit_unreachable, "cannot reach the controller: " + why.detail, where,
                        "is it running? `caravan controller --config FILE` starts one");
    if (reason == "server_untrusted")
        return complain(exit_unreachable, "this is not a controller to trust: " + why.detail, where,
                        "set CARAVAN_CA or --ca to the cloud's ca.pem");
    if (reason == "no_controller_named")
        return complain(exit_usage, why.detail, where,
                        "set CARAVAN_URL or --url, or write ~/.config/caravan/contexts.yaml");
    static const std::map<std::string_view, const char*> mends = {
        {"token_unreadable", "write the token into it and chmod 600, or name another: --token-file, or "
                             "`token_file` of the context"},
        {"ca_unreadable", "name the cloud's ca.pem: --ca, CARAVAN_CA, or `ca` of the context"},
        {"certificate_unreadable", "caravan pki issue --role operator makes both; name them with --cert and "
                                   "--key"}};
    const auto mend = mends.find(reason);
    return complain(exit_usage, why.detail, where, mend == mends.end() ? "" : mend->second);
}

int tell_problem(const response& answer, const std::string& where, const std::string& next) {
    const auto parsed = json_document::parse(answer.body);
    const bool object = parsed && parsed->root().what() == json_value::kind::object;
    const auto reason = object ? text_at(parsed->root(), "reason") : std::string();
    auto what = object ? text_at(parsed->root(), "detail") : std::string();
    if (what.empty() && reason.starts_with("no_such_")) what = "there is no such " + reason.substr(8);
    if (what.empty()) what = "the controller answered " + std::to_string(answer.status);
    if (!reason.empty()) what += " (" + reason + ")";
    const auto hint = next.empty() ? next_step(answer.status, reason) : next;
    return complain(code_of(answer.status, reason), what, where, hint);
}

std::string event_of(const std::string& type, const std::string& subject, const std::string& data) {
    std::string text;
    json_out out(text);
    out.begin_object();
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    for (const auto& [key, value] : {std::pair{"specversion", std::string("1.0")},
                                     {"id", fresh_id()},
                                     {"source", std::string("/operators/cli")},
                                     {"type", type},
                                     {"subject", subject},
                                     {"time", format_instant(now)},
                                     {"datacontenttype", std::string("application/json")}}) {
        out.key(key);
        out.value(std::string_view(value));
    }
    out.key("data");
    out.raw(data);
    out.end_object();
    return text;
}

int submit_event(client& to, const std::string& event,
                 const std::function<int(const json_value&)>& accepted) {
    const auto answer = to.post("/v1/events", "application/cloudevents+json", event);
    if (!answer) return tell(answer.error(), "");
    if (answer->status >= 300) return tell_problem(*answer, to.url());
    const auto receipt = json_document::parse(answer->body);
    if (!receipt) return complain(exit_unreachable, "the controller's receipt is not JSON", to.url(), "");
    return accepted(receipt->root());
}

}  // namespace caravan::ops
