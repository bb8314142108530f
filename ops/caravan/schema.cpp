#include "ops/caravan/schema.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "adapters/http/address.hpp"
#include "adapters/tls/anchors.hpp"
#include "adapters/van/endpoint.hpp"
#include "events/ids.hpp"
#include "ops/caravan/text.hpp"

namespace caravan::ops {

namespace fs = std::filesystem;

namespace {

class reading {
  public:
    explicit reading(std::string file) : file_(std::move(file)) {}

    section map(const YAML::Node& node, std::span<const row> rows) {
        section out;
        out.places[""] = place(node.Mark());
        if (!node.IsMap()) {
            wrong(node.Mark(), "a map of keys is expected");
            return out;
        }
        walk(node, "", rows, out);
        for (const auto& r : rows) absent(node, r, out);
        return out;
    }
    std::string mistakes;

    void wrong(const YAML::Mark& at, const std::string& what) {
        mistakes += place(at) + ": " + what + "\n";
    }

  private:
    // An empty file has no place: its first is meant.
    std::string place(const YAML::Mark& at) const {
        return file_ + ":" + std::to_string(std::max(at.line, 0) + 1) + ":" +
               std::to_string(std::max(at.column, 0) + 1);
    }

    void walk(const YAML::Node& node, const std::string& prefix, std::span<const row> rows, section& out) {
        if (!node.IsMap()) {
            wrong(node.Mark(), prefix.substr(0, prefix.size() - 1) + " is a map of keys");
            return;
        }
        std::set<std::string> seen;
        for (const auto& pair : node) {
            const auto key = prefix + pair.first.as<std::string>("");
            if (!seen.insert(key).second) wrong(pair.first.Mark(), key + " stands here twice");
            const auto found = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return key == r.key; });
            const bool inner = std::any_of(rows.begin(), rows.end(), [&](const row& r) {
                return std::string(r.key).starts_with(key + ".");
            });
            if (found != rows.end())
                value(pair.second, *found, out);
            else if (inner)
                walk(pair.second, key + ".", rows, out);
            else
                unknown(pair.first.Mark(), key, rows);
        }
    }

    void unknown(const YAML::Mark& at, const std::string& key, std::span<const row> rows) {
        std::vector<std::string> known;
        for (const auto& r : rows) {
            known.emplace_back(r.key);
            if (const auto dot = known.back().find('.'); dot != std::string::npos)
                known.push_back(known.back().substr(0, dot));
        }
        const auto near = nearest(key, known);
        wrong(at, "unknown key \"" + key + "\"" + (near.empty() ? "" : ": did you mean \"" + near + "\"?"));
    }

    void value(const YAML::Node& node, const row& r, section& out) {
        out.places[r.key] = place(node.Mark());
        if (r.what == kind::list) {
            if (!node.IsSequence()) return wrong(node.Mark(), std::string(r.key) + " is a list");
            for (const auto& item : node) out.lists[r.key].push_back(map(item, r.inner));
            return;
        }
        if (r.what == kind::named) {
            if (!node.IsMap()) return wrong(node.Mark(), std::string(r.key) + " is a map of names");
            for (const auto& pair : node) {
                out.lists[r.key].push_back(map(pair.second, r.inner));
                out.lists[r.key].back().name = pair.first.as<std::string>("");
            }
            return;
        }
        if (r.what == kind::listens && node.IsSequence()) {
            if (node.size() == 0) return wrong(node.Mark(), std::string(r.key) + " is an empty list");
            for (const auto& item : node) scalar(item, r, out);
            return;
        }
        scalar(node, r, out);
    }

    void scalar(const YAML::Node& node, const row& r, section& out) {
        if (!node.IsScalar() || node.Scalar().empty())
            return wrong(node.Mark(), std::string(r.key) + " needs a value: " + r.unit);
        if (auto checked = check(node.Scalar(), r))
            out.values[r.key].push_back(std::move(*checked));
        else
            wrong(node.Mark(), std::string(r.key) + ": " + checked.error().detail);
    }

    void absent(const YAML::Node& node, const row& r, section& out) {
        if (r.what == kind::list || r.what == kind::named) return;
        if (out.values.contains(r.key) || given(node, r.key)) return;
        if (!r.fallback)
            wrong(nearest_map(node, r.key).Mark(), "missing key \"" + std::string(r.key) + "\": " + r.unit);
        else if (*r.fallback)
            out.values[r.key].emplace_back(r.fallback);
    }

    // The innermost map that is there and should hold the key.
    static YAML::Node nearest_map(const YAML::Node& node, const std::string& key) {
        const auto dot = key.find('.');
        const auto child = dot == std::string::npos ? YAML::Node() : node[key.substr(0, dot)];
        return child && child.IsMap() ? child : node;
    }

    // A key that stands there with a wrong value is wrong, not missing.
    static bool given(const YAML::Node& node, const std::string& key) {
        if (!node.IsMap()) return false;
        const auto dot = key.find('.');
        const auto child = node[key.substr(0, dot)];
        return child && (dot == std::string::npos || given(child, key.substr(dot + 1)));
    }

    result<std::string> check(const std::string& text, const row& r) const {
        switch (r.what) {
            case kind::name:
                if (!valid_name(text)) return permanent("", "\"" + text + "\" is no name: a-z 0-9 . - only");
                return text;
            case kind::choice: {
                const auto words = split(r.unit, '|');
                if (std::find(words.begin(), words.end(), text) == words.end())
                    return permanent("", "\"" + text + "\" is none of " + r.unit);
                return text;
            }
            case kind::address: return with_port(text, http::parse_address(text));
            case kind::listen:
            case kind::listens: return with_port(text, http::parse_listen_address(text));
            case kind::ip:
                if (const auto at = van::parse_address(text, 0); !at) return tl::unexpected(at.error());
                return text;
            case kind::duration: return positive(text, parse_duration(text));
            case kind::rate: return positive(text, parse_rate(text));
            case kind::certificates:
            case kind::file:
            case kind::new_file:
            case kind::secret_file:
            case kind::there_already:
            case kind::folder: return path(text, r.what);
            default: return text;
        }
    }

    // Port 0 is whichever is free: nobody could be told of it.
    static result<std::string> with_port(const std::string& text, const result<http::address>& at) {
        if (!at) return tl::unexpected(at.error());
        if (at->port == 0) return permanent("", "\"" + text + "\" names no port: 1 to 65535");
        return text;
    }

    template <class Quantity>
    static result<std::string> positive(const std::string& text, const result<Quantity>& read) {
        if (!read) return tl::unexpected(read.error());
        if (*read == Quantity())
            return permanent("", "\"" + text + "\" is nothing: name more, or leave the key out");
        return text;
    }

    result<std::string> path(const std::string& text, kind what) const {
        const auto full = (fs::absolute(file_).parent_path() / text).lexically_normal();
        std::error_code ec;
        if (what == kind::there_already) {
            if (!fs::is_directory(full, ec))
                return permanent("", "there is no folder " + full.string() + ": make or mount it");
            return full.string();
        }
        if (what == kind::folder) {
            if (!fs::is_directory(full, ec) && (fs::exists(full, ec) || !fs::is_directory(full.parent_path(), ec)))
                return permanent("", full.string() + " is no folder, nor can it be made there");
            return full.string();
        }
        if (what == kind::new_file) {
            if (fs::is_directory(full, ec) || !fs::is_directory(full.parent_path(), ec))
                return permanent("", full.string() + " cannot be made: " + full.parent_path().string() +
                                         " must be a folder, and it a file");
            return full.string();
        }
        if (!fs::is_regular_file(full, ec) || !std::ifstream(full))
            return permanent("", "there is no readable file " + full.string());
        if (what == kind::secret_file)
            if (const auto own = tls::private_file(full); !own) return tl::unexpected(own.error());
        if (what == kind::certificates)
            if (const auto read = tls::read_certificates(full); !read) return tl::unexpected(read.error());
        return full.string();
    }

    std::string file_;
};

result<YAML::Node> load(const std::string& file) {
    std::error_code unseen;
    if (fs::is_directory(file, unseen)) return permanent("no_such_file", file + ": this is a folder; a YAML file is expected");
    try {
        return YAML::LoadFile(file);
    } catch (const YAML::BadFile&) {
        return permanent("no_such_file", file + ": there is no readable file of this name");
    } catch (const YAML::ParserException& e) {
        return permanent("bad_config", file + ":" + std::to_string(e.mark.line + 1) + ":" +
                                           std::to_string(e.mark.column + 1) + ": " + e.msg);
    }
}

}  // namespace

const std::vector<std::string>& section::texts(const std::string& key) const {
    static const std::vector<std::string> none;
    const auto found = values.find(key);
    return found == values.end() ? none : found->second;
}

const std::string& section::text(const std::string& key) const {
    static const std::string none;
    const auto& all = texts(key);
    return all.empty() ? none : all.front();
}

const std::vector<section>& section::list(const std::string& key) const {
    static const std::vector<section> none;
    const auto found = lists.find(key);
    return found == lists.end() ? none : found->second;
}

const std::string& section::place(const std::string& key) const {
    const auto found = places.find(key);
    return found == places.end() ? places.at("") : found->second;
}

namespace {

template <class Out, class Read>
result<Out> read_file(const std::string& file, Read read) {
    const auto node = load(file);
    if (!node) return tl::unexpected(node.error());
    reading made(file);
    try {
        Out out = read(made, *node);
        if (made.mistakes.empty()) return out;
    } catch (const YAML::Exception& e) {
        made.wrong(e.mark, e.msg);
    }
    made.mistakes.pop_back();
    return permanent("bad_config", made.mistakes);
}

}  // namespace

result<section> read_section(const std::string& file, std::span<const row> rows) {
    return read_file<section>(
        file, [&](reading& from, const YAML::Node& node) { return from.map(node, rows); });
}

result<std::vector<section>> read_list(const std::string& file, std::span<const row> rows) {
    return read_file<std::vector<section>>(file, [&](reading& from, const YAML::Node& node) {
        std::vector<section> out;
        if (!node.IsSequence()) from.wrong(node.Mark(), "a list is expected");
        for (const auto& item : node) out.push_back(from.map(item, rows));
        return out;
    });
}

int likeness(const std::string& file, std::span<const row> rows) {
    const auto node = load(file);
    if (!node || !node->IsMap()) return 0;
    int score = 0;
    for (const auto& pair : *node) {
        const auto key = pair.first.as<std::string>("");
        const bool nested = pair.second.IsMap();
        score += std::any_of(rows.begin(), rows.end(), [&](const row& r) {
            return r.key == key || (nested && std::string(r.key).starts_with(key + "."));
        }) ? 1 : -1;
    }
    return score;
}

namespace {

void put(std::string& out, const section& from, std::span<const row> rows, const std::string& indent,
         bool item) {
    std::string open;  // the map that is being written: "tls"
    bool first = item;
    for (const auto& r : rows) {
        const std::string key = r.key;
        const auto dot = key.find('.');
        const auto outer = dot == std::string::npos ? "" : key.substr(0, dot);
        const auto lead = [&] { return std::exchange(first, false) ? indent.substr(2) + "- " : indent; };
        if (r.what == kind::list) {
            const auto& all = from.list(key);
            out += lead() + key + ":" + (all.empty() ? " []" : "") + "\n";
            for (const auto& one : all) put(out, one, r.inner, indent + "    ", true);
            continue;
        }
        const auto& values = from.texts(key);
        if (values.empty()) continue;
        if (!outer.empty() && outer != open) out += lead() + outer + ":\n";
        open = outer;
        std::string line = (outer.empty() ? lead() : indent + "  ") + key.substr(outer.empty() ? 0 : dot + 1) + ": ";
        line += values.size() == 1 ? quoted(values.front()) : "['" + joined(values, "', '") + "']";
        if (line.size() < 56) line.resize(56, ' ');
        out += line + "  # " + r.unit + "\n";
    }
}

}  // namespace

namespace {

std::string value_of(const row& r) {
    switch (r.what) {
        case kind::name: return "name: a-z 0-9 . -";
        case kind::choice: return "`" + joined(split(r.unit, '|'), "` `") + "`";
        case kind::address: return "HOST:PORT, dialled";
        case kind::listen: return "IP:PORT, listened at";
        case kind::listens: return "IP:PORT, listened at, or a list";
        case kind::ip: return "IP address";
        case kind::certificates: return "file of certificates";
        case kind::file: return "file";
        case kind::new_file: return "file, made if need be";
        case kind::secret_file: return "file, 0600";
        case kind::there_already: return "folder that is there";
        case kind::folder: return "folder, made if its parent is there";
        case kind::duration: return "duration: `500ms` `7s` `10m` `1h`";
        case kind::rate: return "rate: `20MiB/s` `20MB/s`";
        case kind::list: return "list of maps";
        case kind::named: return "map of names";
        default: return "text";
    }
}

void add_rows(std::string& out, std::span<const row> rows, const std::string& prefix) {
    for (const auto& r : rows) {
        const bool lists = r.what == kind::list || r.what == kind::named;
        const std::string fallback = !r.fallback    ? "**required**"
                                     : !*r.fallback ? ""
                                                    : "`" + std::string(r.fallback) + "`";
        out += "| `" + prefix + r.key + "` | " + value_of(r) + " | " + fallback + " | " +
               (r.what == kind::choice ? "" : r.unit) + " |\n";
        if (lists) add_rows(out, r.inner, prefix + r.key + "[].");
    }
}

}  // namespace

std::string to_markdown(std::span<const row> rows) {
    std::string out = "| key | value | default | meaning |\n|---|---|---|---|\n";
    add_rows(out, rows, "");
    return out;
}

std::string to_yaml(const section& from, std::span<const row> rows) {
    std::string out;
    put(out, from, rows, "", false);
    return out;
}

}  // namespace caravan::ops
