#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "adapters/tls/anchors.hpp"

namespace caravan::tls {
namespace {

// The descriptor rides in the context, one more than it is: nothing there is none.
void close_log(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
    if (held) ::close(static_cast<int>(reinterpret_cast<std::intptr_t>(held)) - 1);
}

int place() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, close_log);
    return index;
}

void write_line(const SSL* of, const char* line) {
    const auto held = reinterpret_cast<std::intptr_t>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(of), place()));
    const std::string text = std::string(line) + "\n";  // one write: others append to the same file
    if (::write(static_cast<int>(held) - 1, text.data(), text.size()) < 0) return;  // an aid, no more
}

}  // namespace

result<void> log_keys(SSL_CTX* of, const std::string& file) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return permanent("no_such_file", "key log " + file + ": " + std::strerror(errno));
    auto kept = private_file(file);
    if (kept && SSL_CTX_set_ex_data(of, place(), reinterpret_cast<void*>(std::intptr_t{fd} + 1)) == 1) {
        SSL_CTX_set_keylog_callback(of, write_line);
        return {};
    }
    ::close(fd);
    return kept ? transient("no_memory") : kept;
}

}  // namespace caravan::tls
