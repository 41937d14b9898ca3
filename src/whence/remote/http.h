#pragma once
// One HTTP connection: the only place that knows the HTTP library.

#include <memory>
#include <string>

#include "whence/core/run.h"
#include "whence/remote/options.h"
#include "whence/remote/url.h"

namespace whence::remote {

struct Answer {
    int status = 0;
    std::string body;
    std::string retry_after;  ///< the header, as it came
};

/// Asks one host, over a connection that is kept. Calls are made again as Options says. Every call
/// ends when `run` is stopped or past its deadline, also in the middle of an answer that never
/// ends; only the lookup of the host's name cannot be cut short. Redirects are not followed: what a
/// model is asked goes to the host that was named.
class Connection {
  public:
    /// Throws Error(usage) where a bearer token would go over the net in clear.
    Connection(Url url, const Options& options);
    ~Connection();

    /// GET url where `body` is empty, else POST of the JSON `body` to url + "/infer". Returns any
    /// answer that is no reason to try again. Throws Error(io) where there was none after all
    /// tries, Error(limit) for an answer that is too large, and what run.check() throws.
    [[nodiscard]] Answer call(const std::string& body, const Run& run);

  private:
    struct Client;
    Url url_;
    Options options_;
    std::unique_ptr<Client> client_;
};

}  // namespace whence::remote
