// schema: what a configuration file may hold, as a table of rows; and the reading of a YAML file by
// such a table. Every mistake is told with file, line and column, all of them at once: unknown keys
// (with the nearest known one), missing required keys, wrong types and units, files that are not there
// or are readable by others.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "adapters/http/nearest.hpp"
#include "events/result.hpp"

namespace caravan::ops {

using http::nearest;

enum class kind : std::uint8_t {
    name,         // [a-z0-9][a-z0-9.-]{0,62}
    text,
    choice,       // one of the words of `unit`, separated by "|"
    address,      // "host:port" that is dialled
    listen,       // "IP:port" that is listened at
    listens,      // one, or a list
    ip,           // an IP address
    certificates,  // a readable file with certificates; relative to the configuration file, as all paths
    file,         // must be readable
    new_file,     // is made if need be: its folder must exist
    secret_file,  // the same, and nobody's but its owner's: 0600
    folder,       // is made if need be: it or its parent must exist
    there_already,  // a folder that is never made: others are to find it, too
    duration,     // "7s", "500ms", "10m", "1h"; more than nothing
    rate,         // "20MiB/s", "20MB/s"; more than nothing
    list,         // of maps with the rows of `inner`
    named,        // the same, each under a name of its own
};

struct row {
    const char* key;       // dotted: "tls.ca"
    kind what;
    const char* fallback;  // nullptr: required; "": may be absent
    const char* unit;      // unit, choices, or what it is: for messages and `config check`
    std::span<const row> inner = {};
};

// Values by dotted key, resolved: paths absolute, defaults filled in.
struct section {
    std::string name;  // of one of a `named`
    std::map<std::string, std::vector<std::string>> values;
    std::map<std::string, std::vector<section>> lists;
    std::map<std::string, std::string> places;  // "F:3:5", of every key that is there; of the map: ""

    const std::string& text(const std::string& key) const;  // empty where absent
    const std::vector<std::string>& texts(const std::string& key) const;
    const std::vector<section>& list(const std::string& key) const;
    const std::string& place(const std::string& key) const;  // its own, or that of the map it is missing in
};

// Permanent "no_such_file" or "bad_config"; detail: one line a mistake, "F:3:5: unknown key …".
result<section> read_section(const std::string& file, std::span<const row> rows);

// The same for a file that is one list of maps with these rows.
result<std::vector<section>> read_list(const std::string& file, std::span<const row> rows);

// The effective configuration as YAML with each row's unit or meaning beside it.
std::string to_yaml(const section&, std::span<const row> rows);

// The rows as a table of Markdown, those of lists after their own: docs/configuration.md.
std::string to_markdown(std::span<const row> rows);

// How many of the file's first-level keys the rows know, less those they do not.
int likeness(const std::string& file, std::span<const row> rows);

result<std::chrono::microseconds> parse_duration(const std::string& text);  // "bad_duration"
result<std::uint64_t> parse_rate(const std::string& text);  // "20MiB/s" in bytes/s; "bad_rate"

}  // namespace caravan::ops
