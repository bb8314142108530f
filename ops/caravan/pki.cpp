#include "ops/caravan/pki.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "adapters/tls/tls.hpp"

namespace caravan::ops {

namespace fs = std::filesystem;

namespace {

struct release {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    void operator()(X509* p) const noexcept { X509_free(p); }
    void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
    void operator()(BIO* p) const noexcept { BIO_free_all(p); }
    void operator()(BIGNUM* p) const noexcept { BN_free(p); }
};
template <class T>
using own = std::unique_ptr<T, release>;

constexpr int ca_days = 3650;
constexpr const char* roles[] = {"controller", "agent",   "proxy", "operator",
                                 "scheduler",  "auditor", "viewer"};

own<EVP_PKEY> new_key() { return own<EVP_PKEY>(EVP_EC_gen("P-256")); }

std::string drained(const own<BIO>& from) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(from.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string key_pem(EVP_PKEY* key) {
    own<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return drained(out);
}
std::string public_pem(EVP_PKEY* key) {
    own<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(out.get(), key);
    return drained(out);
}
std::string certificate_pem(X509* certificate) {
    own<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    return drained(out);
}

void name_entry(X509_NAME* name, const char* key, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()), int(text.size()), -1, 0);
}

bool extend(X509* certificate, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const own<X509_EXTENSION> made(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
    return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

// Serial, validity, key: what CA and leaf have in common. Valid from five minutes ago: clocks differ.
own<X509> blank(EVP_PKEY* key, int days) {
    own<X509> made(X509_new());
    own<BIGNUM> serial(BN_new());
    BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made.get()));
    X509_set_version(made.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -300);
    X509_time_adj_ex(X509_getm_notAfter(made.get()), days, 0, nullptr);
    X509_set_pubkey(made.get(), key);
    return made;
}

// Written beside and renamed, so that a file is never half there; O_EXCL, so that none is overwritten.
result<void> write_file(const fs::path& path, const std::string& text, mode_t mode) {
    const auto fresh = path.string() + ".new";
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) return permanent("cannot_write", fresh + " cannot be written: does the folder exist?");
    const bool whole = ::write(file, text.data(), text.size()) == ssize_t(text.size()) && ::fsync(file) == 0;
    ::close(file);
    if (!whole || ::link(fresh.c_str(), path.c_str()) != 0) {
        ::unlink(fresh.c_str());
        if (whole) return permanent("already_there", path.string() + " is there already: nothing was changed");
        return permanent("cannot_write", path.string() + " cannot be written");
    }
    ::unlink(fresh.c_str());
    return {};
}

own<BIO> opened(const std::string& file) { return own<BIO>(BIO_new_file(file.c_str(), "r")); }

std::string entry(const X509_NAME* name, int what) {
    const int at = X509_NAME_get_index_by_NID(name, what, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    std::string out = size > 0 ? std::string(reinterpret_cast<char*>(text), std::size_t(size)) : "";
    OPENSSL_free(text);
    return out;
}

result<std::string> alternative_names(const std::vector<std::string>& addresses) {
    std::string out;
    for (const auto& address : addresses) {
        const bool ip = address.find_first_not_of("0123456789.") == std::string::npos ||
                        address.find(':') != std::string::npos;
        if (address.empty() || address.find_first_of(", ;=\n") != std::string::npos)
            return permanent("bad_address", "\"" + address + "\" is neither an IP address nor a name");
        out += (out.empty() ? "" : ",") + std::string(ip ? "IP:" : "DNS:") + address;
    }
    return out;
}

}  // namespace

result<void> pki_init(const cloud_name& cloud, const std::string& folder) {
    if (!valid_name(cloud.text))
        return permanent("bad_name", "\"" + cloud.text + "\" is no cloud's name: a-z 0-9 . - only");
    std::error_code ec;
    const fs::path into(folder);
    fs::create_directories(into, ec);
    for (const char* file : {"ca.pem", "ca.key", "signing.key", "signing.pub"})
        if (fs::exists(into / file, ec))
            return permanent("already_there", (into / file).string() + " is there already: nothing was changed");

    const auto key = new_key();
    const auto ca = blank(key.get(), ca_days);
    auto* subject = X509_get_subject_name(ca.get());
    name_entry(subject, "O", cloud.text);
    name_entry(subject, "CN", cloud.text + " CA");
    X509_set_issuer_name(ca.get(), subject);
    extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    X509_sign(ca.get(), key.get(), EVP_sha256());
    const own<EVP_PKEY> signing(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));

    const std::tuple<const char*, std::string, mode_t> files[] = {
        {"ca.key", key_pem(key.get()), 0600},
        {"ca.pem", certificate_pem(ca.get()), 0644},
        {"signing.key", key_pem(signing.get()), 0600},
        {"signing.pub", public_pem(signing.get()), 0644}};
    for (const auto& [name, text, mode] : files)
        if (auto written = write_file(into / name, text, mode); !written) return written;
    return {};
}

result<void> pki_issue(const std::string& folder, const certificate_request& wanted) {
    if (std::find(std::begin(roles), std::end(roles), wanted.role) == std::end(roles))
        return permanent("bad_role", "\"" + wanted.role + "\" is no role: controller, agent, proxy, "
                                     "operator, scheduler, auditor or viewer");
    if (!valid_name(wanted.name))
        return permanent("bad_name", "\"" + wanted.name + "\" is no name: a-z 0-9 . - only");
    const auto names = alternative_names(wanted.addresses);
    if (!names) return tl::unexpected(names.error());
    const fs::path from(folder);
    const auto ca_file = (from / "ca.pem").string(), ca_key_file = (from / "ca.key").string();
    const auto ca_text = opened(ca_file), ca_key_text = opened(ca_key_file);
    if (!ca_text || !ca_key_text)
        return permanent("no_such_file", folder + " holds no ca.pem and ca.key: caravan pki init makes them");
    if (auto kept = tls::private_file(ca_key_file); !kept) return kept;
    const own<X509> ca(PEM_read_bio_X509(ca_text.get(), nullptr, nullptr, nullptr));
    const own<EVP_PKEY> ca_key(PEM_read_bio_PrivateKey(ca_key_text.get(), nullptr, nullptr, nullptr));
    if (!ca || !ca_key || X509_check_private_key(ca.get(), ca_key.get()) != 1)
        return permanent("bad_certificate", ca_file + " and " + ca_key_file + " do not belong together");

    const auto key = new_key();
    const auto leaf = blank(key.get(), wanted.days);
    auto* subject = X509_get_subject_name(leaf.get());
    name_entry(subject, "O", entry(X509_get_subject_name(ca.get()), NID_organizationName));
    name_entry(subject, "OU", wanted.role);
    name_entry(subject, "CN", wanted.name);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    extend(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    extend(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    extend(leaf.get(), ca.get(), NID_subject_key_identifier, "hash");
    extend(leaf.get(), ca.get(), NID_authority_key_identifier, "keyid");
    if (!names->empty() && !extend(leaf.get(), ca.get(), NID_subject_alt_name, *names)) {
        ERR_clear_error();
        return permanent("bad_address", *names + " is not a list of IP addresses and names");
    }
    X509_sign(leaf.get(), ca_key.get(), EVP_sha256());
    const auto certificate = from / (wanted.name + ".pem");
    std::error_code ec;
    if (fs::exists(certificate, ec))
        return permanent("already_there", certificate.string() + " is there already: nothing was changed");
    if (auto written = write_file(from / (wanted.name + ".key"), key_pem(key.get()), 0600); !written)
        return written;
    return write_file(certificate, certificate_pem(leaf.get()), 0644);
}

namespace {

std::string printed(const ASN1_TIME* time) {
    tm parts{};
    ASN1_TIME_to_tm(time, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::string fingerprint(const X509* certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest, &size);
    std::string out;
    char pair[3];
    for (unsigned i = 0; i < size; ++i) {
        std::snprintf(pair, sizeof pair, "%02x", digest[i]);
        out += pair;
    }
    return out;
}

std::string described(X509* certificate) {
    const auto* subject = X509_get_subject_name(certificate);
    std::string out = "cloud:       " + entry(subject, NID_organizationName) + "\n";
    const bool ca = X509_check_ca(certificate) == 1;
    out += "role:        " + (ca ? "certificate authority" : entry(subject, NID_organizationalUnitName)) + "\n";
    out += "name:        " + entry(subject, NID_commonName) + "\n";
    out += "issued by:   " + entry(X509_get_issuer_name(certificate), NID_commonName) + "\n";
    out += "valid from:  " + printed(X509_get0_notBefore(certificate)) + "\n";
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
    out += "valid until: " + printed(X509_get0_notAfter(certificate)) +
           (days < 0 || seconds < 0 ? "  (expired)" : "  (" + std::to_string(days) + " days left)") + "\n";
    own<BIO> names(BIO_new(BIO_s_mem()));
    const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    if (at >= 0 && X509V3_EXT_print(names.get(), X509_get_ext(certificate, at), 0, 0) == 1)
        out += "addresses:   " + drained(names) + "\n";
    return out + "sha256:      " + fingerprint(certificate) + "\n";
}

}  // namespace

result<std::string> pki_show(const std::string& file) {
    if (!opened(file)) return permanent("no_such_file", "there is no readable file " + file);
    if (const own<X509> certificate(PEM_read_bio_X509(opened(file).get(), nullptr, nullptr, nullptr)); certificate)
        return described(certificate.get());
    std::string what = "private key";
    own<EVP_PKEY> key(PEM_read_bio_PrivateKey(opened(file).get(), nullptr, nullptr, nullptr));
    if (!key) {
        what = "public key";
        key.reset(PEM_read_bio_PUBKEY(opened(file).get(), nullptr, nullptr, nullptr));
    }
    ERR_clear_error();
    if (!key) return permanent("bad_certificate", file + " holds neither a certificate nor a key");
    return what + ":  " + EVP_PKEY_get0_type_name(key.get()) + "\n";
}

}  // namespace caravan::ops
