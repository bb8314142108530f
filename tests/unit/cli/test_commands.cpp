// The commands against a gateway over a fake desk: what is printed, what is sent, and the exit code.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "ops/caravan/commands.hpp"
#include "tests/unit/http/door.hpp"

using namespace caravan;
using namespace caravan::test;
using namespace caravan::ops;

namespace {

struct outcome {
    int code = -1;
    std::string out, err;
};

std::string slurp(const std::string& file) {
    std::ifstream from(file);
    return {std::istreambuf_iterator<char>(from), {}};
}

// Runs a command with its stdout and stderr caught in files.
outcome run(const std::function<int()>& command) {
    static const folder at;
    const std::string files[] = {at / "out", at / "err"};
    int kept[2];
    std::fflush(nullptr);
    for (int i : {0, 1}) {
        kept[i] = ::dup(i + 1);
        const int file = ::open(files[i].c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, i + 1);
        ::close(file);
    }
    outcome got;
    got.code = command();
    std::fflush(nullptr);
    for (int i : {0, 1}) {
        ::dup2(kept[i], i + 1);
        ::close(kept[i]);
    }
    got.out = slurp(files[0]);
    got.err = slurp(files[1]);
    return got;
}

options speaking_to(door& at, const std::string& role = "operator") {
    static const folder keep;
    const auto file = keep / ("token-" + role);
    std::ofstream(file) << token_of(role);
    std::filesystem::permissions(file, std::filesystem::perms(0600));
    options asked;
    asked.url = "https://127.0.0.1:" + std::to_string(at.gateway->ports()[0]);
    asked.ca = clouds().material("thales", "controller").ca;
    asked.token_file = file;
    return asked;
}

std::string migration(const std::string& state, const std::string& reason = "") {
    return "{\"id\":\"01JM\",\"vm\":\"sge-1\",\"from\":\"thales\",\"to\":\"umea\",\"state\":\"" + state +
           "\",\"phase\":\"copy\",\"reason\":\"" + reason +
           "\",\"progress\":{\"percent\":43,\"bytes_per_second\":1048576,\"eta_seconds\":4},\"downtime_ms\":610}";
}

}  // namespace

TEST_CASE("lists come as tables, as one object a line, and as YAML") {
    door at;
    at.desk.answers["/vms"] = R"({"position":8,"items":[{"name":"sge-1","state":"running","memory":1024},{"name":"b"}]})";
    auto asked = speaking_to(at, "viewer");
    auto got = run([&] { return show(asked, "vms", ""); });
    CHECK(got.code == exit_done);
    CHECK(got.out.find("sge-1  running  -     1.0 KiB") != std::string::npos);
    asked.output = "json";
    CHECK(run([&] { return show(asked, "vms", ""); }).out ==
          "{\"name\":\"sge-1\",\"state\":\"running\",\"memory\":1024}\n{\"name\":\"b\"}\n");
    asked.output = "yaml";
    CHECK(run([&] { return show(asked, "vms", ""); }).out.starts_with("- name: sge-1\n  state: running\n"));
}

TEST_CASE("what is not there, not allowed or not reachable has its exit code and a next step") {
    door at;
    auto asked = speaking_to(at, "viewer");
    auto got = run([&] { return show(asked, "vms", "sge-9"); });
    CHECK(got.code == exit_no_such_thing);
    CHECK(got.out.empty());
    got = run([&] { return abort_migration(asked, "01JM"); });
    CHECK(got.code == exit_refused);
    CHECK(got.err.find("role_too_low") != std::string::npos);
    CHECK(got.err.find("try:") != std::string::npos);
    auto wrong = asked;
    wrong.url = "https://127.0.0.1:1";
    CHECK(run([&] { return show_status(wrong); }).code == exit_unreachable);
    wrong = asked;
    wrong.ca = clouds().material("umea", "controller").ca;
    got = run([&] { return show_status(wrong); });
    CHECK(got.code == exit_unreachable);
    CHECK(got.err.find("CARAVAN_CA") != std::string::npos);
    wrong = asked;
    wrong.token_file = wrong.ca;  // readable by others
    CHECK(run([&] { return show_status(wrong); }).code == exit_usage);
    wrong = asked;
    wrong.token_file.clear();
    wrong.token = token_of("viewer");
    got = run([&] { return show_status(wrong); });
    CHECK(got.code == exit_done);
    CHECK(got.err.find("shows in ps") != std::string::npos);
    wrong.url = "http://127.0.0.1";
    CHECK(run([&] { return show_status(wrong); }).code == exit_usage);
}

TEST_CASE("a file that is named and cannot be read is told with what to do") {
    door at;
    folder files;
    auto asked = speaking_to(at, "viewer");
    asked.token_file = files / "token";
    auto got = run([&] { return show_status(asked); });
    CHECK(got.code == exit_usage);
    CHECK_THAT(got.err, Catch::Contains("no readable token file " + files / "token") && Catch::Contains("try: ") &&
                            Catch::Contains("--token-file"));
    std::ofstream(files / "token") << token_of("viewer");
    std::filesystem::permissions(files / "token", std::filesystem::perms(0644));
    got = run([&] { return show_status(asked); });
    CHECK_THAT(got.err, Catch::Contains("token file " + files / "token" + " is readable by others: chmod 600"));
    asked = speaking_to(at, "viewer");
    asked.ca = files / "ca.pem";
    got = run([&] { return show_status(asked); });
    CHECK(got.code == exit_usage);
    CHECK_THAT(got.err, Catch::Contains(files / "ca.pem") && Catch::Contains("try: ") && Catch::Contains("CARAVAN_CA"));
    asked = speaking_to(at, "viewer");
    asked.certificate = files / "me.pem";
    asked.key = files / "me.key";
    got = run([&] { return show_status(asked); });
    CHECK(got.code == exit_usage);
    CHECK_THAT(got.err, Catch::Contains(files / "me.") && Catch::Contains("try: ") && Catch::Contains("pki issue"));
}

TEST_CASE("a context's file is read as strictly as a configuration") {
    door at;
    folder files;
    auto asked = speaking_to(at, "viewer");
    const auto token_file = std::exchange(asked.token_file, ""), url = std::exchange(asked.url, "");
    const auto with = [&](const std::string& text) {
        std::ofstream(files / "contexts.yaml") << text;
        ::setenv("CARAVAN_CONTEXTS", (files / "contexts.yaml").c_str(), 1);
        auto got = run([&] { return show_status(asked); });
        ::unsetenv("CARAVAN_CONTEXTS");
        return got;
    };
    at.desk.answers["/status"] = R"({"cloud":"thales"})";
    const auto lab = "contexts:\n  lab: {url: \"" + url + "\", token_file: " + token_file + "}\n";
    CHECK(with("current: lab\n" + lab).code == exit_done);
    auto got = with("curent: lab\n" + lab);
    CHECK(got.code == exit_usage);
    CHECK_THAT(got.err, Catch::Contains("contexts.yaml:1:1: unknown key \"curent\": did you mean \"current\"?"));
    CHECK_THAT(with("current: lab\n" + lab + "  other: {tokenfile: x}\n").err,
               Catch::Contains("contexts.yaml:4:11: unknown key \"tokenfile\": did you mean \"token_file\"?"));
    CHECK_THAT(with("current: lap\n" + lab).err, Catch::Contains("has no context \"lap\": it has lab"));
}

TEST_CASE("a name is one segment of a path, and one value of a query, whatever it holds") {
    door at;
    at.desk.answers["/vms/sge-1"] = R"({"name":"sge-1"})";
    at.desk.commit("caravan.vm.started", "sge-1");
    const auto asked = speaking_to(at);
    CHECK(run([&] { return show(asked, "vms", "sge-1"); }).code == exit_done);
    CHECK(run([&] { return show(asked, "vms", "sge-1?"); }).code == exit_no_such_thing);
    CHECK(run([&] { return show(asked, "vms", "sge 1"); }).code == exit_no_such_thing);
    const events_wish two{.types = {}, .subjects = {"x&subject=sge-1"}, .saga = {}};
    const auto got = run([&] { return show_events(asked, two); });
    CHECK(got.code == exit_no_such_thing);
    CHECK(got.out.empty());
    CHECK_THAT(got.err, Catch::Contains("no event concerns x&subject=sge-1"));
}

TEST_CASE("what needs a person is shown with what was seen, what to do next, and the page to read") {
    door at;
    at.desk.answers["/status"] = R"({"cloud":"thales","needs_person":[{"subject":"migration 01JM","reason":"run_right_not_acquired",)"
                                 R"("observed":"failed 6 times","next":"caravan migrations 01JM",)"
                                 R"("page":"docs/runbooks/run_right_not_acquired.md","since":"2026-11-22T10:00:00.000000Z"}]})";
    const auto got = run([&] { return show_status(speaking_to(at)); });
    CHECK(got.code == exit_done);
    for (const auto* line : {"migration 01JM: run_right_not_acquired, since 2026-11-22", "seen  failed 6 times",
                             "next  caravan migrations 01JM", "page  docs/runbooks/run_right_not_acquired.md"})
        CHECK_THAT(got.out, Catch::Contains(line));
}

TEST_CASE("a reclaim says what was stated, and why") {
    door at;
    (void)run([&] { return reclaim(speaking_to(at), "01JM", true, "host lost"); });
    CHECK(member(at.desk.last_event, "type") == "caravan.migration.reclaim");
    CHECK(member(at.desk.last_event, "subject") == "01JM");
    CHECK_THAT(at.desk.last_event, Catch::Contains("\"destination_fenced\":true") && Catch::Contains("host lost"));
}

TEST_CASE("a plan that cannot be carried out says so by its exit code") {
    door at;
    const auto code = [&](const std::string& obstacles) {
        at.desk.answers["/plan"] = "{\"vm\":\"sge-1\",\"obstacles\":" + obstacles + "}";
        return run([&] { return plan(speaking_to(at), {"sge-1", "umea"}); }).code;
    };
    CHECK(code("[]") == exit_done);
    CHECK(code(R"([{"reason":"no_such_vm"}])") == exit_no_such_thing);
    CHECK(code(R"([{"reason":"no_capacity"}])") == exit_refused);
}

TEST_CASE("the state as it was") {
    door at;
    at.desk.answers["/state"] = R"({"position":5,"time":"2026-11-22T10:00:00.000000Z",)"
                                R"("vms":{"items":[{"name":"sge-1","state":"running"}]},"hosts":{"items":[]}})";
    auto got = run([&] { return replay(speaking_to(at), "2026-11-22T10:00:00+00:00"); });
    CHECK(got.code == exit_done);
    CHECK_THAT(got.out, Catch::Contains("at position 5") && Catch::Contains("sge-1") && !Catch::Contains("hosts"));
}

TEST_CASE("a client certificate speaks as a token does") {
    door at;
    auto asked = speaking_to(at);
    const auto own = clouds().material("thales", "viewer");
    asked.token_file.clear();
    asked.certificate = own.certificate;
    asked.key = own.key;
    CHECK(run([&] { return show_status(asked); }).code == exit_done);
}

TEST_CASE("migrate sends one event, and waits for how it ends") {
    door at;
    const auto asked = speaking_to(at);
    const auto move = [&](const std::string& vm) {
        return run([&] {
            return migrate(asked, {.vm = vm, .to = "umea", .mode = "cow", .deadline = "10m",
                                   .max_downtime = "500ms", .bandwidth = "20MiB/s"});
        });
    };
    at.desk.answers["/migrations/01JM"] = migration("done");
    auto got = move("sge-1");
    CHECK(got.code == exit_done);
    CHECK(got.out == "sge-1 -> umea  done  downtime 610 ms\n");
    CHECK(member(at.desk.last_event, "type") == "caravan.vm.migrate");
    CHECK(member(at.desk.last_event, "id").size() == 26);
    CHECK(member(at.desk.last_event, "data") ==
          R"({"to":"umea","mode":"cow","deadline_seconds":600,"max_downtime_ms":500,"bandwidth":20971520})");
    at.desk.answers["/migrations/01JM"] = migration("undone", "link_down");
    got = move("sge-1");
    CHECK(got.code == exit_otherwise);
    CHECK(got.out.find("(link_down)") != std::string::npos);
    at.desk.answers["/migrations/01JM"] = migration("refused", "no_capacity");
    CHECK(move("sge-1").code == exit_refused);
    at.desk.answers["/migrations/01JM"] = migration("undone", "deadline_passed");
    CHECK(move("sge-1").code == exit_deadline);
    got = move("sge-9");
    CHECK(got.code == exit_no_such_thing);
    CHECK(got.err.find("caravan vms") != std::string::npos);
    CHECK(move("busy").code == exit_refused);
    CHECK(run([&] { return migrate(asked, {.vm = "a", .to = "b", .deadline = "7"}); }).code == exit_usage);
}

TEST_CASE("migrate without waiting prints the migration as it is") {
    door at;
    auto asked = speaking_to(at);
    at.desk.answers["/migrations/01JM"] = migration("running");
    CHECK(run([&] { return migrate(asked, {.vm = "sge-1", .to = "umea", .wait = false}); }).out == "01JM\n");
    asked.output = "json";
    const auto got = run([&] { return migrate(asked, {.vm = "sge-1", .to = "umea", .wait = false}); });
    CHECK(member(got.out, "state") == "running");
    CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 1);
}

TEST_CASE("events are submitted from files of every shape, and each gets its receipt") {
    door at;
    folder files;
    const auto asked = speaking_to(at, "scheduler");
    const auto send = [&](const std::string& text) {
        std::ofstream(files / "f") << text;
        return run([&] { return submit(asked, files / "f"); });
    };
    std::string many;
    for (int i = 0; i < 2500; ++i) many += event("m" + std::to_string(i)) + "\n";
    auto got = send(many);
    CHECK(got.code == exit_done);
    CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 2500);
    CHECK(send("[" + event("a") + ",\n" + event("b") + "]").code == exit_done);
    CHECK(send("{\n" + event("c").substr(1)).code == exit_done);
    got = send(event("d") + "\n" + event("e", "sge-9") + "\n");
    CHECK(got.code == exit_refused);
    CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 2);
    CHECK(send("nonsense\n").code == exit_usage);
    CHECK(run([&] { return submit(asked, "/nowhere"); }).code == exit_usage);
}

TEST_CASE("events, VANs, audit and configuration") {
    door at;
    const auto asked = speaking_to(at);
    at.desk.commit("caravan.vm.started", "sge-1");
    at.desk.commit("caravan.host.joined", "h1");
    CHECK(run([&] { return show_events(asked, {.types = {"vm.started"}, .subjects = {}, .saga = {}}); })
              .out.find("vm.started") != std::string::npos);
    CHECK(run([&] { return create_van(asked, "blue"); }).code == exit_done);
    CHECK(member(at.desk.last_event, "data") == "{}");
    at.desk.answers["/audit"] = R"({"verified":false,"bad_position":7})";
    CHECK(run([&] { return audit_verify(asked, ""); }).code == exit_otherwise);
    CHECK(run([&] { return audit_verify(asked, "/nowhere"); }).code == exit_no_such_thing);
    CHECK(run([&] { return config_check("/nowhere", ""); }).code == exit_no_such_thing);
    CHECK(run([&] { return completion("bash", {"a", "b"}); }).out.find("a b") != std::string::npos);
}
