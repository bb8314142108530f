#include "adapters/channel/ticket_check.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "adapters/tls/tls.hpp"
#include "events/chain.hpp"
#include "events/json.hpp"

namespace caravan::channel {
namespace {

using digest_context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* raw(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

template <class Read>
result<ed25519_key> load(const std::string& file, Read read) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> from(BIO_new_file(file.c_str(), "r"), BIO_free);
    if (!from) {
        ERR_clear_error();
        return permanent("no_such_file", "key file " + file + " cannot be read");
    }
    const ed25519_key key(read(from.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    ERR_clear_error();
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
        return permanent("bad_key", "no Ed25519 key in " + file);
    return key;
}

bool signed_by(const signed_ticket& shown, const ed25519_key& key) {
    const auto signature = chain::unhex(shown.signature);
    const digest_context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const bool good =
        signature && context &&
        EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
        EVP_DigestVerify(context.get(), raw(*signature), signature->size(), raw(shown.body),
                         shown.body.size()) == 1;
    ERR_clear_error();
    return good;
}

}  // namespace

result<ed25519_key> load_signing_key(const std::string& file) {
    if (auto kept = tls::private_file(file); !kept) return tl::unexpected(kept.error());
    return load(file, PEM_read_bio_PrivateKey);
}

result<ed25519_key> load_verifying_key(const std::string& file) {
    return load(file, PEM_read_bio_PUBKEY);
}

result<signed_ticket> sign_ticket(const ticket& what, const ed25519_key& signing) {
    signed_ticket made{to_json(what), {}};
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    const digest_context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const bool good =
        context &&
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, signing.get()) == 1 &&
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       raw(made.body), made.body.size()) == 1;
    ERR_clear_error();
    if (!good) return permanent("bad_key", "the key does not sign");
    made.signature = chain::hex(signature);
    return made;
}

result<ticket> read_ticket(const signed_ticket& shown, const ed25519_key& verifying) {
    if (!signed_by(shown, verifying)) return permanent("ticket_forged");
    return from_json<ticket>(shown.body);
}

result<ticket> check_ticket(const stranger& who, const leave& known, const ed25519_key& verifying,
                            instant now) {
    auto read = read_ticket(who.shown, verifying);
    if (known.given.body.empty()) {
        if (read && now >= read->deadline) return permanent("ticket_expired", "its job is forgotten");
        return permanent("ticket_unknown", "no such job is open here");
    }
    if (!read) return read;
    if (read->vm != known.vm || read->vm_uuid != known.vm_uuid)
        return permanent("wrong_vm", "the job is about VM " + known.vm.text);
    if (who.shown != known.given || read->id != who.id)
        return permanent("ticket_unknown", "another ticket than the job's");
    if (known.revoked) return permanent("ticket_revoked");
    if (read->from != who.cloud) return permanent("wrong_peer", "shown by cloud " + who.cloud.text);
    if (now >= read->deadline) return permanent("ticket_expired");
    if (known.spent >= read->budget) return permanent("over_budget");
    return read;
}

}  // namespace caravan::channel
