// print: what a command says: tables, JSON (NDJSON: one object a line), YAML; and complaints on stderr.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "events/json.hpp"

namespace caravan::ops {

enum class form : std::uint8_t { table, wide, json, yaml };

enum class look : std::uint8_t { text, size, percent, rate, seconds, millis, when, yes_no, tags };

struct column {
    const char* title;
    const char* path;  // dotted: "run_right.epoch"
    look as = look::text;
    bool wide = false;  // only with -o wide
};

std::string table(const std::vector<json_value>& items, std::span<const column> columns, bool wide);
// One thing, as lines "title  value".
std::string card(const json_value&, std::span<const column> columns);
std::string yaml(const json_value&);
std::string cell(const json_value&, const column&);  // empty where there is no such member
std::string text_at(const json_value&, std::string_view path);

bool on_terminal(int file);
// Colour by what a state means: green, yellow, red; plain where colour is off.
std::string tinted(const std::string& state, const std::string& shown);
void allow_colour(bool);

// "caravan: WHAT", "  at: WHERE", "  try: NEXT" on stderr; answers `code`. Empty parts are left out.
int complain(int code, const std::string& what, const std::string& where, const std::string& next);

}  // namespace caravan::ops
