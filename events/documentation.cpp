#include "events/documentation.hpp"

#include "events/fact.hpp"

namespace caravan {

std::string docs_of_events() {
    std::string text =
        "# Events\n\n"
        "Drawn from `describe()` in events/*.hpp. Every event is one line of canonical JSON, a CloudEvent 1.0; "
        "the fields below\nare those of its `data`. A *shared* field may be told to another cloud; an *inside* "
        "field never leaves its own: it is\nkept as bytes of its own beside the shared ones. Times are RFC 3339 "
        "UTC with microseconds.\n"
        "Of the extension attributes, `position` counts the journal's events, `version` those of their `stream`; `epoch` is that of\n"
        "the run-right which the event speaks of, `causation` the position of the event that led to it, `saga` its migration.\n"
        "Fields are only ever added; a reader keeps the default of a missing one and passes over an unknown one.\n";
    std::string_view last;
    for (const auto& f : all_fields()) {
        if (f.type != last) text += "\n## " + std::string(f.type) + "\n\n";
        if (f.field.empty()) text += "No fields.\n";
        else if (f.type != last) text += "| field | is | meaning | |\n|---|---|---|---|\n";
        last = f.type;
        if (!f.field.empty())
            text += "| `" + f.field + "` | " + f.kind + " | " + std::string(f.text) + " | " +
                    (f.inside ? "**inside**" : "shared") + " |\n";
    }
    return text;
}

}  // namespace caravan
