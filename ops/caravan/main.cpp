// caravan: one program, a command each. This file is the table of words; what a command does is
// elsewhere in this folder.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <functional>
#include <iostream>

#include "ops/caravan/commands.hpp"
#include "ops/caravan/config.hpp"
#include "ops/caravan/pki.hpp"
#include "ops/caravan/run.hpp"
#include "ops/caravan/schema.hpp"
#include "ops/simulate/sweep.hpp"

namespace caravan::ops {

namespace {

struct words {
    options asked;
    events_wish events;
    migrate_wish move;
    certificate_request certificate;
    simulate::sweep_request simulation;
    std::string faults = "none";
    std::vector<std::string> only, help_of;
    bool loud = false;
    std::string id, file, folder, cloud, process, journal, shell, why, until = "24h";
    std::uint64_t after = 0;
    bool fenced = false;
    std::function<int()> chosen;
};

// An unset variable of a script's: "" names nothing.
const CLI::Validator named([](std::string& text) { return text.empty() ? std::string("is empty: name one") : std::string(); },
                           "", "named");
const CLI::Validator whole_number([](std::string& text) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc() && read.ptr == end ? std::string() : "wants a whole number, 0 or more, not \"" + text + "\"";
}, "", "whole number");

CLI::App* command(CLI::App& in, words& w, const char* name, const char* says, const char* examples,
                  std::function<int()> does) {
    auto* made = in.add_subcommand(name, says);
    if (*examples) made->footer(std::string("Examples:\n") + examples);
    made->fallthrough();  // --url and its like may stand after the command too
    if (does) made->callback([&w, does = std::move(does)] { w.chosen = does; });
    return made;
}

void add_connection(CLI::App& app, options& asked) {
    app.add_option("--url", asked.url, "controller's gateway, https://HOST:PORT [CARAVAN_URL]");
    app.add_option("--token", asked.token, "bearer token; shows in ps, prefer the next [CARAVAN_TOKEN]");
    app.add_option("--token-file", asked.token_file, "file that holds the token, 0600");
    app.add_option("--ca", asked.ca, "the cloud's ca.pem [CARAVAN_CA]");
    auto* certificate = app.add_option("--cert", asked.certificate, "client certificate instead of a token");
    auto* key = app.add_option("--key", asked.key, "its key, 0600");
    certificate->needs(key);
    key->needs(certificate);
    app.add_option("--context", asked.context, "a context of ~/.config/caravan/contexts.yaml");
    app.add_option("-o,--output", asked.output, "table, wide, json (one object a line) or yaml")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml"}));
    app.add_flag("--no-color", asked.no_colour, "plain text, also on a terminal [NO_COLOR]");
}

void add_reading(CLI::App& app, words& w) {
    command(app, w, "status", "How the cloud is: its position, peers, migrations, and what needs a person",
            "  caravan status\n  caravan status -o json", [&w] { return show_status(w.asked); });
    const struct { const char *kind, *says, *example; } kinds[] = {
        {"clouds", "The federation's clouds, and what was sent to and heard from each", "umea"},
        {"hosts", "This cloud's hosts", "h1"},
        {"proxies", "This cloud's proxies", "p1"},
        {"vms", "VMs: here, arriving and leaving", "sge-1"},
        {"vans", "Virtual networks and where their addresses are", "blue"},
        {"migrations", "Migrations, running and ended; one with its steps", "01JD8X0000000000000000000A"}};
    for (const auto& k : kinds) {
        const std::string kind = k.kind;
        const auto examples = "  caravan " + kind + "\n  caravan " + kind + " " + k.example +
                              "\n  caravan " + kind + " -o json | jq ." + (kind == "migrations" ? "id" : "name");
        command(app, w, k.kind, k.says, examples.c_str(), [&w, kind] { return show(w.asked, kind, w.id); })
            ->add_option("ID", w.id, "only this one, in full")->check(named);
    }
    auto* events = command(app, w, "events", "What happened, from the journal",
                           "  caravan events --after 800 --limit 20\n"
                           "  caravan events --type vm.started --subject sge-1\n"
                           "  caravan events --follow -o json", [&w] { return show_events(w.asked, w.events); });
    events->add_option("--after", w.events.after, "only events after this position")->check(whole_number);
    events->add_option("--limit", w.events.limit, "at most so many (default: all there are)")->check(whole_number);
    events->add_option("--type", w.events.types, "only of these types");
    events->add_option("--subject", w.events.subjects, "only of these VMs, hosts, migrations …");
    events->add_option("ID,--saga", w.events.saga, "only of this migration");
    events->add_flag("-f,--follow", w.events.follow, "go on as they happen");
    command(app, w, "replay", "The whole state as it was at a time or at a position of the journal",
            "  caravan replay --at 812\n  caravan replay --at 2026-11-22T10:00:00Z -o json",
            [&w] { return replay(w.asked, w.id); })
        ->add_option("--at", w.id, "position, or time in RFC 3339")->required();
    command(app, w, "watch", "A migration until it ends; without one, everything that happens",
            "  caravan watch\n  caravan watch 01JD8X0000000000000000000A",
            [&w] { return watch(w.asked, w.id); })
        ->add_option("ID", w.id, "migration")->check(named);
}

void add_move_options(CLI::App& to, words& w) {
    to.add_option("VM", w.move.vm, "which")->required()->check(named);
    to.add_option("--to", w.move.to, "destination cloud")->required()->check(named);
    to.add_option("--mode", w.move.mode, "auto, cow (what differs from the base image) or disk (all)")
        ->check(CLI::IsMember({"auto", "cow", "disk"}));
    to.add_option("--deadline", w.move.deadline, "undo it if it takes longer: 90s, 10m");
    to.add_option("--max-downtime", w.move.max_downtime, "pause for no longer: 500ms");
    to.add_option("--bandwidth", w.move.bandwidth, "no faster than: 20MiB/s");
}

void add_moving(CLI::App& app, words& w) {
    add_move_options(*command(app, w, "plan", "What a migration would do and take; nothing is touched",
                              "  caravan plan sge-1 --to umea", [&w] { return plan(w.asked, w.move); }), w);
    auto* migrate_command = command(
        app, w, "migrate", "Moves a running VM to another cloud",
        "  caravan migrate sge-1 --to umea\n"
        "  caravan migrate sge-1 --to umea --deadline 10m --max-downtime 500ms --bandwidth 20MiB/s\n"
        "  caravan migrate sge-1 --to umea --no-wait -o json",
        [&w] { return migrate(w.asked, w.move); });
    add_move_options(*migrate_command, w);
    migrate_command->add_flag("--wait,!--no-wait", w.move.wait, "until it has ended (default), or not");
    command(app, w, "abort", "Undoes a migration that has not passed its pivot",
            "  caravan abort 01JD8X0000000000000000000A", [&w] { return abort_migration(w.asked, w.id); })
        ->add_option("MIGRATION", w.id, "which")->required()->check(named);
    auto* reclaim_command = command(
        app, w, "reclaim", "Takes a VM back from a destination that is lost for good after the release",
        "  caravan reclaim 01JD8X0000000000000000000A --destination-is-fenced --reason \"host lost, ticket 4711\"\n"
        "Read docs/runbooks/run_right_not_acquired.md first: the VM starts here from its disk, its memory is lost.",
        [&w] { return reclaim(w.asked, w.id, w.fenced, w.why); });
    reclaim_command->add_option("MIGRATION", w.id, "which")->required()->check(named);
    reclaim_command->add_flag("--destination-is-fenced", w.fenced,
                              "you made certain that its copy there does not run, and will not");
    reclaim_command->add_option("--reason", w.why, "why, for the record")->required();
    command(app, w, "submit", "Sends CloudEvents, one a line, and prints a receipt for each",
            "  caravan submit jobs.ndjson\n  scheduler | caravan submit -",
            [&w] { return submit(w.asked, w.file); })
        ->add_option("FILE", w.file, "NDJSON, one event, or a JSON list; - is standard input")->required();

    auto* van = command(app, w, "van", "Virtual networks", "", nullptr)->require_subcommand(1);
    auto* create = command(*van, w, "create", "Makes a virtual network known",
                           "  caravan van create blue", [&w] { return create_van(w.asked, w.id); });
    create->add_option("NAME", w.id, "1 to 11 of a-z, 0-9, - and .")->required();
    command(*van, w, "show", "One virtual network with its routes", "  caravan van show blue",
            [&w] { return show(w.asked, "vans", w.id); })->add_option("NAME", w.id, "which")->required()->check(named);
    command(*van, w, "delete", "Forgets a virtual network that nobody is plugged into",
            "  caravan van delete blue", [&w] { return delete_van(w.asked, w.id); })
        ->add_option("NAME", w.id, "which")->required()->check(named);
}

void add_audit(CLI::App& app, words& w) {
    auto* audit = command(app, w, "audit", "Proves that the history is what was written", "", nullptr)
                      ->require_subcommand(1);
    command(*audit, w, "verify", "Checks every link of the chain; exit 1 and the position if one is bad",
            "  caravan audit verify\n  caravan audit verify --journal /var/lib/caravan/journal.db",
            [&w] { return audit_verify(w.asked, w.journal); })
        ->add_option("--journal", w.journal, "a journal's file, without a controller");
    command(*audit, w, "export", "The whole journal as NDJSON", "  caravan audit export > thales.ndjson",
            [&w] { return audit_export(w.asked, w.after); })
        ->add_option("--after", w.after, "only after this position")->check(whole_number);
    command(*audit, w, "show", "One entry, with its place in the chain", "  caravan audit show 812",
            [&w] { return audit_show(w.asked, w.id); })
        ->add_option("POSITION", w.id, "which")->required()->check(whole_number);
}

int told(const result<void>& outcome, const std::string& done) {
    if (outcome) {
        std::cout << done;
        return exit_done;
    }
    const auto& why = outcome.error();
    return complain(why.reason == "already_there" ? exit_refused
                    : why.reason == "no_such_file" ? exit_no_such_thing : exit_usage, why.detail, "", "");
}

void add_setting_up(CLI::App& app, words& w) {
    auto* pki = command(app, w, "pki", "A cloud's own certificate authority", "", nullptr)->require_subcommand(1);
    auto* init = command(*pki, w, "init", "Makes a CA and a signing key",
                         "  caravan pki init --cloud thales --dir /etc/caravan", [&w] {
                             return told(pki_init(cloud_name(w.cloud), w.folder),
                                         "ca.pem, ca.key, signing.key and signing.pub are in " + w.folder + "\n");
                         });
    init->add_option("--cloud", w.cloud, "the cloud's name")->required();
    init->add_option("--dir", w.folder, "folder, made if need be")->required()->check(named);
    auto* issue = command(*pki, w, "issue", "Issues a certificate",
                          "  caravan pki issue --dir /etc/caravan --role agent --name h1\n"
                          "  caravan pki issue --dir /etc/caravan --role controller --name c1 --address 10.1.0.1",
                          [&w] {
                              const auto& name = w.certificate.name;
                              return told(pki_issue(w.folder, w.certificate),
                                          name + ".pem and " + name + ".key are in " + w.folder + "\n");
                          });
    issue->add_option("--dir", w.folder, "folder of the CA")->required()->check(named);
    issue->add_option("--role", w.certificate.role,
                      "controller, agent, proxy, operator, scheduler, auditor or viewer")->required();
    issue->add_option("--name", w.certificate.name, "whose it is")->required();
    issue->add_option("--address", w.certificate.addresses, "IP address or name, for browsers");
    issue->add_option("--days", w.certificate.days, "how long it is good for")->check(CLI::Range(1, 3650));
    command(*pki, w, "show", "What a certificate or key file is", "  caravan pki show h1.pem", [&w] {
        const auto shown = pki_show(w.file);
        if (!shown) return told(tl::unexpected(shown.error()), "");
        std::cout << *shown;
        return int(exit_done);
    })->add_option("FILE", w.file, "PEM")->required();

    auto* config = command(app, w, "config", "Configuration files", "", nullptr)->require_subcommand(1);
    auto* check = command(*config, w, "check", "Checks a file and prints the effective configuration",
                          "  caravan config check controller.yaml",
                          [&w] { return config_check(w.file, w.process); });
    check->add_option("FILE", w.file, "YAML")->required();
    check->add_option("--as", w.process, "which process it is for (default: found out)")
        ->check(CLI::IsMember({"controller", "agent", "proxy"}));
    command(app, w, "completion", "Prints a completion script",
            "  source <(caravan completion bash)", [&app, &w] {
                std::vector<std::string> names;
                for (const auto* one : app.get_subcommands(nullptr)) names.push_back(one->get_name());
                return completion(w.shell, names);
            })
        ->add_option("SHELL", w.shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

std::string all_faults() {
    std::string text;
    for (const auto& row : simulate::fault_table()) text += (text.empty() ? "" : ",") + std::string(row.name);
    return text;
}

int simulation(words& w) {
    const auto until = parse_duration(w.until);
    if (!until) return complain(exit_usage, "--until wants a time: 1h", w.until, "caravan simulate --help");
    w.simulation.first.until = *until;
    const auto faults = simulate::parse_kinds(w.faults);
    if (!faults.unknown.empty())
        return complain(exit_usage, "--faults knows no fault of that name", faults.unknown, "caravan simulate --help");
    w.simulation.first.faults = faults.kinds;
    if (!w.only.empty() && faults.kinds.empty())
        return complain(exit_usage, "--only chooses among faults, and there are none", w.only.front(), "name --faults too");
    if (!w.only.empty()) w.simulation.first.only.emplace();
    for (const auto& number : w.only)
        if (number != "none") w.simulation.first.only->insert(std::stoull(number));
    if (w.loud) w.simulation.first.tell = [](const std::string& line) { std::cerr << line << '\n'; };
    const bool json = w.asked.output == "json";
    const auto sum = simulate::run(w.simulation, [](const std::string& line) { std::cerr << line << '\n'; });
    json ? print_json(std::cout, sum) : print_table(std::cout, sum);
    return sum.sum.violations.empty() ? exit_done : exit_otherwise;
}

void add_simulation(CLI::App& app, words& w) {
    auto& s = w.simulation.first;
    auto* made = command(app, w, "simulate", "Whole federations on simulated hosts, from one seed, and what may never be",
                         "  caravan simulate --migrations 1000\n"
                         "  caravan simulate --seed 7 --migrations 10000 --faults all\n"
                         "  caravan simulate --faults end-controller,wan-dark -o json",
                         [&w] { return simulation(w); });
    made->add_option("--seed", s.seed, "equal seeds and programs make equal runs (1)")->check(whole_number);
    made->add_option("--migrations", s.migrations, "in all, over as many federations as it takes")
        ->check(CLI::Range(1, 100'000'000));
    made->add_option("--clouds", s.shape.clouds, "of a federation")->check(CLI::Range(2, 8));
    made->add_option("--hosts", s.shape.hosts, "of a cloud")->check(CLI::Range(1, 16));
    made->add_option("--vms", s.shape.vms, "of a federation")->check(CLI::Range(1, 1000));
    made->add_option("--faults", w.faults, "what goes wrong: all, none (that is the default), or of these, with commas: " + all_faults());
    made->add_option("--only", w.only, "of the faults that the seed draws, these numbers alone, or none")
        ->delimiter(',')->check(CLI::IsMember({"none"}) | whole_number);
    made->add_flag("!--no-shrink", w.simulation.small, "shows a violation as it was found, not at its smallest");
    made->add_flag("--verbose", w.loud, "every event and fault, as it happens, on standard error");
    made->add_option("--until", w.until, "simulated time after which a federation has no more faults (24h)");
}

template <class Config>
[[maybe_unused]] void add_process(CLI::App& app, words& w, const char* name, const char* says,
                                  result<Config> (*load)(const std::string&), int (*run)(const Config&)) {
    const auto example = "  caravan " + std::string(name) + " --config /etc/caravan/" + name + ".yaml";
    command(app, w, name, says, example.c_str(), [&w, load, run, name] {
        const auto config = load(w.file);
        if (config) return run(*config);
        std::fprintf(stderr, "%s\n", config.error().detail.c_str());
        return complain(exit_usage, std::string("the ") + name + "'s configuration does not hold", w.file,
                        "caravan config check --as " + std::string(name) + " " + w.file);
    })->add_option("--config", w.file, "YAML")->required();
}

void add_processes([[maybe_unused]] CLI::App& app, [[maybe_unused]] words& w) {
    add_process(app, w, "controller", "Runs a cloud's controller", &load_controller, &run_controller);
    add_process(app, w, "agent", "Runs on a host: drives its VMs and networks", &load_agent, &run_agent);
    add_process(app, w, "proxy", "Runs at a site's edge: what other clouds see", &load_proxy, &run_proxy);
}

// The command that was being understood when a word made no sense.
const CLI::App* innermost(const CLI::App* app) {
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return app;
}

std::string path_of(const CLI::App* app) {
    return app->get_parent() ? path_of(app->get_parent()) + " " + app->get_name() : app->get_name();
}

std::string usage_message(const CLI::App* root, const CLI::Error& error) {
    const auto* at = innermost(root);
    const auto rest = root->remaining(true);
    std::string what = error.what();
    if (at->get_require_subcommand_min() > 0 && !rest.empty()) {
        std::vector<std::string> known;
        for (const auto* one : at->get_subcommands(nullptr)) known.push_back(one->get_name());
        const auto near = nearest(rest.front(), known);
        what = "there is no " + std::string(rest.front().starts_with("-") ? "option" : "command") + " \"" + rest.front() + "\"" +
               (near.empty() ? "" : ": did you mean \"" + near + "\"?");
    }
    return "caravan: " + what + "\n  try: " + path_of(at) + " --help\n";
}

bool are_commands(CLI::App* in, const std::vector<std::string>& path) {
    for (const auto& word : path) {
        const auto known = in->get_subcommands([&](const CLI::App* one) { return one->get_name() == word; });
        if (known.empty()) return false;
        in = known.front();
    }
    return true;
}

}  // namespace

int run(int count, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that left shows as an error where it is written to
    words w;
    CLI::App app{"Moves running VMs between clouds that hide their insides from each other", "caravan"};
    app.require_subcommand(1);
    app.footer("Exit: 0 done, 1 ended otherwise, 2 usage, 3 refused, 4 no such thing,\n"
               "      5 cannot reach the controller, 6 deadline passed");
    app.failure_message(usage_message);
    app.set_version_flag("-V,--version", "caravan " CARAVAN_VERSION);
    add_connection(app, w.asked);
    add_processes(app, w);
    add_reading(app, w);
    add_moving(app, w);
    add_audit(app, w);
    add_simulation(app, w);
    add_setting_up(app, w);
    command(app, w, "help", "The same as --help, and of a command", "  caravan help migrate", nullptr)
        ->add_option("COMMAND", w.help_of, "which");
    std::vector<std::string> said(arguments + 1, arguments + count);
    if (!said.empty() && said.front() == "help") {
        said.erase(said.begin());
        if (are_commands(&app, said)) said.emplace_back("--help");  // what is none is told of as ever
    }
    std::reverse(said.begin(), said.end());  // as CLI11 wants them
    try {
        app.parse(std::move(said));
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_done : exit_usage;
    }
    return w.chosen ? w.chosen() : exit_usage;
}

}  // namespace caravan::ops

int main(int count, char** arguments) {
    try {
        return caravan::ops::run(count, arguments);
    } catch (const std::exception& thrown) {  // what nobody foresaw is said, at least
        return caravan::ops::complain(caravan::ops::exit_otherwise, thrown.what(), "", "");
    }
}
