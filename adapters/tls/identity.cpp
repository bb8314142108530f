#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "adapters/tls/anchors.hpp"

namespace caravan::tls {
namespace {

std::string entry(const X509_NAME* subject, int nid) {
    const int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (at < 0) return {};
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size < 0) return {};
    std::string found(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return found;
}

void free_anchors(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<anchors*>(held);
}

int anchors_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_anchors);
    return index;
}

}  // namespace

result<std::vector<certificate>> read_certificates(const std::string& path) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), BIO_free);
    if (!file) {
        drain_errors();
        return permanent("no_such_file", "certificate file " + path + " cannot be read");
    }
    std::vector<certificate> found;
    while (X509* next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr))
        found.emplace_back(next);
    drain_errors();  // the end of the file is told as an error
    if (found.empty()) return permanent("bad_certificate", "no certificate in " + path);
    return found;
}

fingerprint fingerprint_of(const X509* which) {
    fingerprint digest{};
    unsigned int size = 0;
    X509_digest(which, EVP_sha256(), digest.data(), &size);
    return digest;
}

result<identity> subject_of(const X509* which) {
    const X509_NAME* subject = X509_get_subject_name(which);
    identity who{cloud_name{entry(subject, NID_organizationName)},
                 entry(subject, NID_organizationalUnitName), entry(subject, NID_commonName)};
    if (who.cloud.empty() || who.role.empty() || who.name.empty())
        return permanent("bad_certificate", "the subject needs CN (name), OU (role), O (cloud)");
    return who;
}

bool attach(SSL_CTX* to, anchors trusted) {
    auto held = std::make_unique<anchors>(std::move(trusted));
    if (SSL_CTX_set_ex_data(to, anchors_index(), held.get()) != 1) return false;
    held.release();
    return true;
}

const anchors* attached(const SSL_CTX* to) {
    return static_cast<const anchors*>(SSL_CTX_get_ex_data(to, anchors_index()));
}

failure verdict_on(const std::string& whose, long verify_error) {
    const std::string why = whose + ": " + X509_verify_cert_error_string(verify_error);
    const bool life = verify_error == X509_V_ERR_CERT_HAS_EXPIRED ||
                      verify_error == X509_V_ERR_CERT_NOT_YET_VALID;
    if (life) return {certainty::permanent, "certificate_expired", why};
    return {certainty::permanent, "certificate_untrusted", why + " (issued by another CA?)"};
}

std::string drain_errors() {
    std::string first;
    while (const unsigned long code = ERR_get_error())
        if (first.empty())
            first = ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "";
    return first;
}

result<identity> own_identity(const std::string& certificate_file) {
    const auto chain = read_certificates(certificate_file);
    if (!chain) return tl::unexpected(chain.error());
    auto who = subject_of(chain->front().get());
    if (!who) who.error().detail += ": " + certificate_file;
    return who;
}

result<identity> peer_identity(const SSL* of) {
    const std::unique_ptr<X509, free_x509> shown(SSL_get1_peer_certificate(of));
    if (!shown) return permanent("no_certificate", "the peer showed no certificate");
    auto who = subject_of(shown.get());
    if (!who) return who;
    const STACK_OF(X509)* chain = SSL_get0_verified_chain(of);
    const anchors* trusted = attached(SSL_get_SSL_CTX(of));
    if (!chain || sk_X509_num(chain) < 1 || !trusted)
        return permanent("certificate_untrusted", "no verified chain");
    const X509* root = sk_X509_value(chain, sk_X509_num(chain) - 1);
    const auto found = trusted->find(fingerprint_of(root));
    if (found == trusted->end() || found->second != who->cloud)
        return permanent("certificate_untrusted",
                         "a certificate for cloud " + who->cloud.text + " issued by another's CA");
    return who;
}

failure handshake_failure(const SSL* of) {
    const std::string why = drain_errors();
    const long verified = SSL_get_verify_result(of);
    if (verified != X509_V_OK) return verdict_on("the peer's certificate", verified);
    if (why.find("expired") != std::string::npos)  // an alert of the peer, who looked at ours
        return {certainty::permanent, "certificate_expired", "the peer says of ours: " + why};
    if (why.find("unknown ca") != std::string::npos ||
        why.find("bad certificate") != std::string::npos)
        return {certainty::permanent, "certificate_untrusted", "the peer says of ours: " + why};
    if (why.find("did not return a certificate") != std::string::npos ||
        why.find("certificate required") != std::string::npos)
        return {certainty::permanent, "no_certificate", why};
    return {certainty::transient, "handshake_failed", why.empty() ? "connection closed" : why};
}

}  // namespace caravan::tls
