// problem: an error as RFC 9457 problem details, application/problem+json. `reason` is the refusal's
// name; `detail` one sentence for a person: what, where, what to do next.
#pragma once

#include <string>

namespace caravan::http {

struct problem {
    int status = 500;
    std::string reason;
    std::string detail;
    // No aggregate: GCC 12 copies an aggregate made inside a co_await bit by bit, and its strings die twice.
    problem() = default;
    problem(int code, std::string named, std::string told)
        : status(code), reason(std::move(named)), detail(std::move(told)) {}
};

std::string to_json(const problem&);

}  // namespace caravan::http
