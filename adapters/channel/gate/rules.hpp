// rules: what each message must say to pass, and what is put in the place of what it says.
#pragma once

#include "adapters/channel/gate/cookie.hpp"
#include "adapters/channel/gate/messages.hpp"

namespace caravan::gate {

// VIR_MIGRATE_* of the ticket: LIVE, PEER2PEER, PERSIST_DEST, PAUSED, NON_SHARED_DISK or _INC,
// NON_SHARED_SYNCHRONOUS_WRITES; no more and no less.
std::uint32_t exact_flags(bool whole_disk);

// Judges one message and rewrites it in place; throws refusal. Calls are what libvirt A wishes,
// replies what libvirt B answers; `leaving`: towards the WAN.
class rules {
  public:
    rules(const policy& p, bool leaving) : policy_(p), leaving_(leaving) {}

    void operator()(nothing&) const {}
    void operator()(open_call&) const;
    void operator()(feature_call&) const;
    void operator()(feature_reply&) const;
    void operator()(auth_reply&) const;
    void operator()(prepare_call&) const;
    void operator()(prepare_reply&) const;
    void operator()(finish_call&) const;
    void operator()(finish_reply&) const;
    void operator()(error_reply&);

    std::string inside;  // the real texts of what was scrubbed

  private:
    void judge_params(std::vector<typed_param>&) const;
    void judge_param(typed_param&) const;
    void swap_uri(std::string& uri, const std::string& own, const std::string& neutral) const;
    void require_flags(std::uint32_t) const;
    void clean(xdr::opaque& cookie, cookie_of what) const {
        cookie.bytes = clean_cookie(cookie.bytes, what, policy_, leaving_);
    }
    const policy& policy_;
    bool leaving_;
};

}  // namespace caravan::gate
