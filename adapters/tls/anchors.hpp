// anchors: which CA certificates a context trusts, each for one cloud. Rides in the context.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/tls/tls.hpp"

namespace caravan::tls {

struct free_x509 {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using certificate = std::unique_ptr<X509, free_x509>;
using fingerprint = std::array<unsigned char, 32>;  // SHA-256 of the DER bytes
using anchors = std::map<fingerprint, cloud_name>;

// Every certificate of a PEM file, at least one.
result<std::vector<certificate>> read_certificates(const std::string& path);
fingerprint fingerprint_of(const X509*);
result<identity> subject_of(const X509*);

// The context owns the anchors from here on.
bool attach(SSL_CTX*, anchors);
const anchors* attached(const SSL_CTX*);

// What X509_V_… means to a person, under one of tls.hpp's reasons.
failure verdict_on(const std::string& whose, long verify_error);
std::string drain_errors();

// Every connection's secrets are appended to the file (0600) from here on. As private_file refuses.
result<void> log_keys(SSL_CTX*, const std::string& file);

}  // namespace caravan::tls
