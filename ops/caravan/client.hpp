// client: the gateway as a command sees it: HTTPS requests, one after another, on one connection that
// is made anew when it broke. Synchronous; each step has a deadline.
//
// The server is trusted if its certificate was issued by `ca` for role "controller"; without `ca`, if
// the system's authorities say that it is the host of the URL.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "events/result.hpp"

namespace caravan::ops {

struct endpoint {
    std::string url;    // "https://10.1.0.1:8443"
    std::string token;  // secret; may be empty where a certificate speaks
    std::string ca;     // PEM file
    std::string certificate, key;  // PEM files, both or none
};

struct response {
    int status = 0;
    std::string body;
};

class client {
  public:
    // Permanent "bad_url", "ca_unreadable", "certificate_unreadable", "key_exposed". Connects with the
    // first request.
    static result<client> make(endpoint);
    client(client&&) noexcept;
    ~client();

    // Any answer of the server is a response; transient "unreachable" or permanent
    // "server_untrusted" if there was none.
    result<response> get(const std::string& path);
    result<response> post(const std::string& path, const std::string& type, const std::string& body);
    // A 200's body line by line, as it comes, until it ends or `each` answers false. `silence_max`
    // bounds the wait for the next byte; zero: for ever.
    result<response> lines(const std::string& path, std::chrono::milliseconds silence_max,
                           const std::function<bool(std::string_view)>& each);
    const std::string& url() const;

  private:
    struct body;
    explicit client(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::ops
