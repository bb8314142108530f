// A folder of its own with two clouds' authorities and certificates, gone at the end.
#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

#include "adapters/tls/tls.hpp"
#include "ops/caravan/pki.hpp"

namespace caravan::test {

struct folder {
    folder() {
        char pattern[] = "/tmp/caravan-test-XXXXXX";
        path = ::mkdtemp(pattern);
    }
    ~folder() { std::filesystem::remove_all(path); }
    folder(const folder&) = delete;
    std::string operator/(const std::string& name) const { return (path / name).string(); }
    std::filesystem::path path;
};

struct authorities : folder {
    authorities() {
        for (const char* cloud : {"thales", "umea"}) {
            REQUIRE(ops::pki_init(cloud_name(cloud), *this / cloud));
            for (const char* role : {"controller", "agent", "proxy", "operator", "viewer"})
                REQUIRE(ops::pki_issue(*this / cloud, {.role = role, .name = std::string("the-") + role,
                                                       .addresses = {"127.0.0.1"}}));
        }
    }
    tls::material material(const std::string& cloud, const std::string& role) const {
        const auto at = *this / cloud;
        return {at + "/ca.pem", at + "/the-" + role + ".pem", at + "/the-" + role + ".key"};
    }
};

inline const authorities& clouds() {
    static const authorities made;
    return made;
}

}  // namespace caravan::test
