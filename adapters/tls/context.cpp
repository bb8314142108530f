#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "adapters/tls/anchors.hpp"

namespace caravan::tls {
namespace {

enum class end : std::uint8_t { server, client, datagrams };

result<void> trust(SSL_CTX* in, const std::string& file, const cloud_name& cloud, anchors& known) {
    auto authorities = read_certificates(file);
    if (!authorities) return tl::unexpected(authorities.error());
    X509_STORE* store = SSL_CTX_get_cert_store(in);
    for (const certificate& authority : *authorities) {
        known.emplace(fingerprint_of(authority.get()), cloud);
        if (X509_STORE_add_cert(store, authority.get()) != 1)
            return permanent("bad_certificate", file + ": " + drain_errors());
    }
    return {};
}

// A wrong or expired own certificate is told here, once, rather than by every peer later.
result<void> issued_by(const std::vector<certificate>& chain, const std::string& ca,
                       const std::string& file) {
    const auto authorities = read_certificates(ca);
    if (!authorities) return tl::unexpected(authorities.error());
    const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                        X509_STORE_free);
    for (const certificate& authority : *authorities)
        X509_STORE_add_cert(store.get(), authority.get());
    const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> between(
        sk_X509_new_null(), [](STACK_OF(X509) * held) { sk_X509_free(held); });
    for (std::size_t n = 1; n < chain.size(); ++n) sk_X509_push(between.get(), chain[n].get());
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(
        X509_STORE_CTX_new(), X509_STORE_CTX_free);
    if (!check ||
        X509_STORE_CTX_init(check.get(), store.get(), chain.front().get(), between.get()) != 1)
        return permanent("bad_certificate", file + ": " + drain_errors());
    if (X509_verify_cert(check.get()) == 1) return {};
    drain_errors();
    return tl::unexpected(verdict_on("certificate file " + file + " against CA file " + ca,
                                     X509_STORE_CTX_get_error(check.get())));
}

result<void> load_own(SSL_CTX* in, const material& from) {
    if (auto kept = private_file(from.key); !kept) return kept;
    const auto chain = read_certificates(from.certificate);
    if (!chain) return tl::unexpected(chain.error());
    if (auto who = own_identity(from.certificate); !who) return tl::unexpected(who.error());
    if (auto checked = issued_by(*chain, from.ca, from.certificate); !checked) return checked;
    if (SSL_CTX_use_certificate_chain_file(in, from.certificate.c_str()) != 1)
        return permanent("bad_certificate", from.certificate + ": " + drain_errors());
    if (SSL_CTX_use_PrivateKey_file(in, from.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return permanent("bad_certificate", "key file " + from.key +
                                                " does not go with certificate file " +
                                                from.certificate + ": " + drain_errors());
    return {};
}

const SSL_METHOD* method_of(end which) {
    if (which == end::datagrams) return DTLS_method();
    return which == end::server ? TLS_server_method() : TLS_client_method();
}

// OpenSSL 3.0 has no DTLS 1.3: of DTLS 1.2 only forward secrecy with AEAD, and no renegotiation.
void harden_datagrams(SSL_CTX* made) {
    SSL_CTX_set_min_proto_version(made, DTLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(made, DTLS1_2_VERSION);
    SSL_CTX_set_cipher_list(made, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
}

void harden(SSL_CTX* made) {
    SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(made, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(made,
                             "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                             "TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(made, 0);  // no resumption: each connection proves itself
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

result<context> make(end which, const material& from, const pins* peers, int verify) {
    context made(SSL_CTX_new(method_of(which)));
    if (!made) return transient("no_memory", drain_errors());
    which == end::datagrams ? harden_datagrams(made.get()) : harden(made.get());
    if (auto loaded = load_own(made.get(), from); !loaded) return tl::unexpected(loaded.error());
    anchors known;
    const auto own = own_identity(from.certificate);
    const pins only_own{{own->cloud, from.ca}};
    for (const auto& [cloud, file] : peers ? *peers : only_own)
        if (auto added = trust(made.get(), file, cloud, known); !added)
            return tl::unexpected(added.error());
    if (!attach(made.get(), std::move(known))) return transient("no_memory");
    if (!from.key_log.empty())
        if (auto logged = log_keys(made.get(), from.key_log); !logged)
            return tl::unexpected(logged.error());
    SSL_CTX_set_verify(made.get(), verify, nullptr);
    return made;
}

constexpr int mutual = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

}  // namespace

result<context> server_context(const material& from, client_certificate wanted) {
    const bool must = wanted == client_certificate::required;
    return make(end::server, from, nullptr, must ? mutual : SSL_VERIFY_PEER);
}
result<context> client_context(const material& from) {
    return make(end::client, from, nullptr, mutual);
}
result<context> server_context(const material& from, const pins& peers) {
    return make(end::server, from, &peers, mutual);
}
result<context> client_context(const material& from, const pins& peers) {
    return make(end::client, from, &peers, mutual);
}

result<context> datagram_context(const material& from, const pins& peers) {
    return make(end::datagrams, from, &peers, mutual);
}

connection accept_on(SSL_CTX* from, int socket) {
    connection made(SSL_new(from));
    if (!made || SSL_set_fd(made.get(), socket) != 1) return nullptr;
    SSL_set_accept_state(made.get());
    return made;
}

connection connect_on(SSL_CTX* from, int socket) {
    connection made(SSL_new(from));
    if (!made || SSL_set_fd(made.get(), socket) != 1) return nullptr;
    SSL_set_connect_state(made.get());
    return made;
}

result<void> private_file(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0)
        return permanent("no_such_file", "key file " + path + ": " + std::strerror(errno));
    if (!S_ISREG(about.st_mode))
        return permanent("no_such_file", "key file " + path + " is not a regular file");
    if (about.st_mode & (S_IRWXG | S_IRWXO))
        return permanent("key_exposed",
                         "key file " + path + " is readable by others: chmod 600 " + path);
    return {};
}

}  // namespace caravan::tls
