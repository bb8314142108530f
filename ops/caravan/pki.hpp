// pki: a cloud's own certificate authority as files in one folder, made with OpenSSL's library.
//
//   ca.pem, ca.key            ECDSA P-256, ten years; O = cloud
//   signing.key, signing.pub  Ed25519: signs tickets and the journal's heads
//   NAME.pem, NAME.key        ECDSA P-256; CN = name, OU = role, O = cloud
//
// Keys are 0600, nothing that exists is overwritten, and a file is whole or not there.
#pragma once

#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::ops {

// Permanent "bad_name", "already_there" (with the file), "cannot_write".
result<void> pki_init(const cloud_name&, const std::string& folder);

struct certificate_request {
    std::string role;  // controller agent proxy operator scheduler auditor viewer
    std::string name;
    std::vector<std::string> addresses = {};  // IP addresses or DNS names, for browsers (subjectAltName)
    int days = 365;
};
// Permanent also "no_such_file", "bad_certificate", "bad_role", "bad_address".
result<void> pki_issue(const std::string& folder, const certificate_request&);

// What a certificate or key file is, as lines "subject: …" for people.
result<std::string> pki_show(const std::string& file);

}  // namespace caravan::ops
