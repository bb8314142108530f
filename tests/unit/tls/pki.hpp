// pki: clouds' CAs, certificates and ticket keys for tests, as PEM files in a directory of their
// own that goes away with it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "adapters/tls/tls.hpp"

namespace caravan::test {

class pki {
  public:
    pki();
    ~pki();
    pki(const pki&) = delete;
    pki& operator=(const pki&) = delete;

    // The CA file of a cloud, made at its first mention.
    std::string ca(const std::string& cloud);
    // A certificate of that cloud's CA, which ends `life_seconds` from now (negative: has ended).
    tls::material issue(const std::string& cloud, const std::string& role, const std::string& name,
                        long life_seconds = 3600);
    // One whose subject says `cloud` but which the CA of `by` issued.
    tls::material forge(const std::string& by, const std::string& cloud, const std::string& role,
                        const std::string& name);
    // Ed25519, private and public half: DIR/CLOUD.ticket.key and .pub.
    struct pair {
        std::string signing, verifying;
    };
    pair ticket_keys(const std::string& cloud);

    const std::filesystem::path directory;

  private:
    tls::material write(const std::string& by, const std::string& cloud, const std::string& role,
                        const std::string& name, long life_seconds);
    struct authority;
    authority& known(const std::string& cloud);
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace caravan::test
