#include "tests/unit/tls/pki.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>

namespace caravan::test {
namespace {

using key = std::shared_ptr<EVP_PKEY>;
using certificate = std::shared_ptr<X509>;

key new_key() {
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void entry(X509_NAME* name, const char* field, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
}

certificate draft(const key& of, const std::string& cloud, const std::string& role,
                  const std::string& name, long life_seconds) {
    static long serial = 0;
    const certificate made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), life_seconds);
    X509_set_pubkey(made.get(), of.get());
    X509_NAME* subject = X509_get_subject_name(made.get());
    entry(subject, "O", cloud);
    entry(subject, "OU", role);
    entry(subject, "CN", name);
    return made;
}

void extend(const certificate& which, int nid, const char* value) {
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(which.get(), made, -1);
    X509_EXTENSION_free(made);
}

template <class Write>
std::string file(const std::filesystem::path& path, Write write) {
    std::FILE* to = std::fopen(path.c_str(), "w");
    ::chmod(path.c_str(), 0600);
    write(to);
    std::fclose(to);
    return path.string();
}

std::filesystem::path own_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "caravan-pki-XXXXXX").string();
    return ::mkdtemp(name.data());
}

}  // namespace

struct pki::authority {
    key secret;
    certificate shown;
    std::string path;
};
struct pki::inside {
    std::map<std::string, authority> clouds;
    int issued = 0;
};

pki::pki() : directory(own_directory()), inside_(std::make_unique<inside>()) {}
pki::~pki() {
    std::filesystem::remove_all(directory);
}

pki::authority& pki::known(const std::string& cloud) {
    authority& here = inside_->clouds[cloud];
    if (here.secret) return here;
    here.secret = new_key();
    here.shown = draft(here.secret, cloud, "ca", cloud + " ca", 36000);
    X509_set_issuer_name(here.shown.get(), X509_get_subject_name(here.shown.get()));
    extend(here.shown, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(here.shown.get(), here.secret.get(), EVP_sha256());
    here.path = file(directory / (cloud + ".ca.pem"),
                     [&](std::FILE* to) { PEM_write_X509(to, here.shown.get()); });
    return here;
}

std::string pki::ca(const std::string& cloud) {
    return known(cloud).path;
}

tls::material pki::write(const std::string& by, const std::string& cloud, const std::string& role,
                         const std::string& name, long life_seconds) {
    const authority& issuer = known(by);
    const key secret = new_key();
    const certificate made = draft(secret, cloud, role, name, life_seconds);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.shown.get()));
    X509_sign(made.get(), issuer.secret.get(), EVP_sha256());
    const std::string stem = std::to_string(++inside_->issued);
    return {
        issuer.path,
        file(directory / (stem + ".pem"), [&](std::FILE* to) { PEM_write_X509(to, made.get()); }),
        file(directory / (stem + ".key"), [&](std::FILE* to) {
            PEM_write_PrivateKey(to, secret.get(), nullptr, nullptr, 0, nullptr, nullptr);
        })};
}

tls::material pki::issue(const std::string& cloud, const std::string& role, const std::string& name,
                         long life_seconds) {
    return write(cloud, cloud, role, name, life_seconds);
}

tls::material pki::forge(const std::string& by, const std::string& cloud, const std::string& role,
                         const std::string& name) {
    return write(by, cloud, role, name, 3600);
}

pki::pair pki::ticket_keys(const std::string& cloud) {
    const key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
    return {file(directory / (cloud + ".ticket.key"),
                 [&](std::FILE* to) {
                     PEM_write_PrivateKey(to, made.get(), nullptr, nullptr, 0, nullptr, nullptr);
                 }),
            file(directory / (cloud + ".ticket.pub"),
                 [&](std::FILE* to) { PEM_write_PUBKEY(to, made.get()); })};
}

}  // namespace caravan::test
