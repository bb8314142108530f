// ticket_check: who may open a stream here, as a pure function of what was shown and what is known.
// The destination cloud signs a ticket once, with its Ed25519 key (RFC 8032); its proxies hold the
// public half. What is signed is the ticket's canonical JSON, byte for byte.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "events/result.hpp"
#include "events/ticket.hpp"

struct evp_pkey_st;

namespace caravan::channel {

using ed25519_key = std::shared_ptr<evp_pkey_st>;

// From PEM files: PKCS#8 (0600 or refused, as adapters/tls refuses), SubjectPublicKeyInfo.
// permanent "no_such_file", "key_exposed", "bad_key".
result<ed25519_key> load_signing_key(const std::string& file);
result<ed25519_key> load_verifying_key(const std::string& file);

result<signed_ticket> sign_ticket(const ticket&, const ed25519_key& signing);

// Parsed, if the signature is over these very bytes. permanent "ticket_forged", "malformed".
result<ticket> read_ticket(const signed_ticket&, const ed25519_key& verifying);

// What is known at the destination's proxy about the job that a stream names.
struct leave {
    signed_ticket given;  // with open(); empty: never opened
    bool revoked = false;
    vm_name vm;  // of the job
    std::string vm_uuid;
    bytes spent = 0;  // by all streams of the job, both directions
};

struct stranger {
    cloud_name cloud;  // as its certificate's CA says
    migration_id id;   // that it names
    signed_ticket shown;
};

// The ticket, if a stream may open now; else permanent with the first reason that holds of:
//   ticket_unknown  nothing was opened under this id (ticket_expired: no longer)
//   ticket_forged   not signed by this cloud
//   wrong_vm        the job is about another VM than the ticket
//   ticket_unknown  the job was opened with another ticket than the one shown
//   ticket_revoked  the job was closed here
//   wrong_peer      the ticket is another cloud's
//   ticket_expired  its deadline has come
//   over_budget     its bytes are spent
result<ticket> check_ticket(const stranger&, const leave&, const ed25519_key& verifying,
                            instant now);

}  // namespace caravan::channel
