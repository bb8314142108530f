#include "tests/contract/journal/story.hpp"

#include <stdlib.h>

#include "events/chain.hpp"

namespace caravan::test {

folder::folder(const std::string& below) {
    std::string name = below + "/caravan.XXXXXX";
    if (!::mkdtemp(name.data())) throw std::filesystem::filesystem_error("mkdtemp", name, {});
    path = name;
}
folder::~folder() {
    std::error_code gone;
    std::filesystem::remove_all(path, gone);
}

port::entry story::next(const std::string& stream, std::uint64_t version,
                        const std::string& inside) {
    port::entry e;
    e.at = head_.at.next();
    e.stream = stream_id{stream};
    e.v = caravan::version{version};
    e.type = "caravan.vm.started";
    e.bytes = R"({"time":"2026-11-22T10:00:00.000000Z","n":)" + std::to_string(e.at.value) + "}";
    e.inside = inside;
    if (!inside.empty()) e.salt = std::string(chain::salt_size, 's');
    e.link = chain::next_link(head_.link, e.bytes, e.salt, e.inside);
    head_ = {e.at, e.link};
    return e;
}

std::vector<port::entry> story::batch(const std::string& stream, std::uint64_t version,
                                      std::size_t count) {
    std::vector<port::entry> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(next(stream, version + i));
    return out;
}

std::vector<port::entry> everything(const port::journal& journal, position after) {
    std::vector<port::entry> out;
    const auto read = journal.read(after, 1'000'000, [&](const port::entry& e) {
        out.push_back(e);
        return true;
    });
    return read ? out : std::vector<port::entry>{};
}

std::string reason(const result<void>& outcome) {
    return outcome ? std::string{} : outcome.error().reason;
}

}  // namespace caravan::test
