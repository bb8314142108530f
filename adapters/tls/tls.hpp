// tls: mutual TLS 1.3 between the parts of a cloud, and between clouds, from files.
//
// A certificate says who it is for in its subject: CN = name, OU = role, O = cloud. It counts only
// if it was issued by the CA pinned for exactly that cloud, so that no cloud can speak for another.
// Host names are not looked at, no session is resumed, and neither CA names nor SNI go over the
// wire.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::tls {

struct free_ssl {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL* connection) const noexcept { SSL_free(connection); }
};
// For Asio: boost::asio::ssl::context{std::move(made).release()} takes it over.
using context = std::unique_ptr<SSL_CTX, free_ssl>;
using connection = std::unique_ptr<SSL, free_ssl>;

// Paths to PEM files. The key must be a regular file that nobody but its owner may read (0600 or
// less). A CA file may hold several certificates, so that a CA can be rotated with overlap.
struct material {
    std::string ca;           // of the own cloud
    std::string certificate;  // issued by it; the chain may follow
    std::string key;
    // Debugging aid, empty: none. A file (made 0600) to which the secrets of every connection are
    // appended, in NSS's key log format: whoever has it and a capture reads all that crossed.
    std::string key_log{};
};

// Which CA file speaks for which other cloud.
using pins = std::map<cloud_name, std::string>;

// Who is at the other end.
struct identity {
    cloud_name cloud;
    std::string role;  // "controller" "agent" "proxy" "operator" "scheduler" "auditor" "viewer"
    std::string name;
    friend auto operator<=>(const identity&, const identity&) = default;
};

enum class client_certificate : std::uint8_t { required, optional };  // optional: bearer tokens too

// Contexts for peers of the own cloud, or, with pins, for peers of the pinned clouds only. Refused
// (permanent), with one sentence for a person in `detail`:
//   "key_exposed"           "key file F is readable by others: chmod 600 F"
//   "no_such_file"          a file is missing or cannot be read
//   "bad_certificate"       a file holds no certificate or key, or the key is not the
//   certificate's,
//                           or the subject lacks CN, OU or O
//   "certificate_untrusted" the own certificate was not issued by `ca`
//   "certificate_expired"   the own certificate is past its end, or not yet valid
result<context> server_context(const material&, client_certificate = client_certificate::required);
result<context> client_context(const material&);
result<context> server_context(const material&, const pins&);
result<context> client_context(const material&, const pins&);
// The same for datagrams, both ends: DTLS 1.2 (RFC 6347), AES-GCM or ChaCha20 with forward secrecy.
result<context> datagram_context(const material&, const pins&);

// A new connection of a context on a socket that the caller keeps; null only without memory.
connection accept_on(SSL_CTX*, int socket);
connection connect_on(SSL_CTX*, int socket);

// Who is at the other end, after a handshake. permanent "no_certificate" (only with `optional`),
// "certificate_untrusted": its O is not the cloud whose CA issued it.
result<identity> peer_identity(const SSL*);

// Why a handshake failed; empties OpenSSL's error queue. transient "handshake_failed", or permanent
// "certificate_untrusted", "certificate_expired", "no_certificate" with which certificate and why.
failure handshake_failure(const SSL*);

// The subject of the certificate in a file: whose material this is.
result<identity> own_identity(const std::string& certificate_file);

// ok if nobody but the owner may read the file; for every file that holds a key.
result<void> private_file(const std::string& path);

}  // namespace caravan::tls
