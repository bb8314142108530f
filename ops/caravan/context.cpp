#include "ops/caravan/context.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "adapters/tls/tls.hpp"
#include "ops/caravan/schema.hpp"
#include "ops/caravan/text.hpp"

namespace caravan::ops {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

fs::path contexts_file() {
    if (auto named = environment("CARAVAN_CONTEXTS"); !named.empty()) return named;
    auto home = environment("XDG_CONFIG_HOME");
    return (home.empty() ? fs::path(environment("HOME")) / ".config" : fs::path(home)) / "caravan" /
           "contexts.yaml";
}

result<std::string> token_in(const std::string& file) {
    std::string token;
    if (const auto kept = tls::private_file(file); !kept && kept.error().reason == "key_exposed")
        return permanent("key_exposed", "token file " + file + " is readable by others: chmod 600 " + file);
    else if (std::ifstream from(file); !kept || !from)
        return permanent("token_unreadable", "there is no readable token file " + file);
    else
        from >> token;
    if (token.empty()) return permanent("token_unreadable", "token file " + file + " holds no token");
    return token;
}

std::string one_of(const std::string& first, const std::string& second) {
    return first.empty() ? second : first;
}

constexpr row context_rows[] = {
    {"url", kind::text, "", "https://HOST:PORT"},
    {"token", kind::text, "", "bearer token: the file is 0600 then"},
    {"token_file", kind::text, "", "file that holds it, 0600"},
    {"ca", kind::text, "", "the cloud's ca.pem"},
    {"certificate", kind::text, "", "client certificate instead of a token"},
    {"key", kind::text, "", "its key, 0600"},
};
constexpr row file_rows[] = {
    {"current", kind::text, "", "the context that counts where none is named"},
    {"contexts", kind::named, "", "clouds to talk to", context_rows},
};

// Files are opened of the context that is used, and of no other: kind::text.
result<endpoint> from_contexts(const std::string& wanted) {
    const auto file = contexts_file();
    std::error_code ec;
    if (!fs::exists(file, ec)) {
        if (wanted.empty()) return endpoint{};
        return permanent("no_such_context", "there is no context \"" + wanted + "\": " + file.string() +
                                                " does not exist");
    }
    const auto root = read_section(file.string(), file_rows);
    if (!root) return tl::unexpected(root.error());
    const auto name = one_of(wanted, root->text("current"));
    if (name.empty())
        return permanent("no_such_context", file.string() + ": no context is current: name one with --context, "
                                                            "or `current: NAME`");
    const section* one = nullptr;
    std::vector<std::string> names;
    for (const auto& context : root->list("contexts")) {
        names.push_back(context.name);
        if (context.name == name) one = &context;
    }
    if (!one)
        return permanent("no_such_context", file.string() + " has no context \"" + name + "\": it has " +
                                                (names.empty() ? "none" : joined(names, ", ")));
    const auto path = [&](const char* key) {
        const auto& given = one->text(key);
        return given.empty() ? given : (file.parent_path() / given).string();
    };
    endpoint out{one->text("url"), one->text("token"), path("ca"), path("certificate"), path("key")};
    if (!out.token.empty())
        if (auto kept = tls::private_file(file.string()); !kept) return tl::unexpected(kept.error());
    if (const auto from = path("token_file"); out.token.empty() && !from.empty()) {
        auto token = token_in(from);
        if (!token) return tl::unexpected(token.error());
        out.token = std::move(*token);
    }
    return out;
}

}  // namespace

form options::shape() const {
    if (output == "json") return form::json;
    if (output == "yaml") return form::yaml;
    return output == "wide" ? form::wide : form::table;
}

result<endpoint> find_endpoint(const options& asked) {
    const auto url = one_of(asked.url, environment("CARAVAN_URL"));
    // A context named by nobody counts only where the environment is silent: its token is for its URL.
    auto out = url.empty() || !asked.context.empty() ? from_contexts(asked.context) : endpoint{};
    if (!out) return out;
    out->url = one_of(url, out->url);
    if (out->url.empty())
        return permanent("no_controller_named", "no controller is named");
    out->ca = one_of(one_of(asked.ca, environment("CARAVAN_CA")), out->ca);
    out->certificate = one_of(asked.certificate, out->certificate);
    out->key = one_of(asked.key, out->key);
    if (!asked.token.empty())
        std::fputs("caravan: warning: a token given as an argument shows in ps: use --token-file or "
                   "CARAVAN_TOKEN\n", stderr);
    if (!asked.token_file.empty()) {
        auto token = token_in(asked.token_file);
        if (!token) return tl::unexpected(token.error());
        out->token = std::move(*token);
    }
    out->token = one_of(asked.token, asked.token_file.empty() ? one_of(environment("CARAVAN_TOKEN"), out->token)
                                                              : out->token);
    return out;
}

}  // namespace caravan::ops
