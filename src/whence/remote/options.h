#pragma once
// How an endpoint is asked.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/target.h"

namespace whence::remote {

struct Options {
    double connect_timeout = 10;  ///< seconds until there is a connection
    double timeout = 60;          ///< seconds for one call, connection and answer included
    /// Calls made again, each after twice the delay of the one before, where the endpoint cannot be
    /// reached or answers 429, 502, 503 or 504. What it asks for by Retry-After is waited instead.
    int retries = 5;
    double delay = 0.2;                          ///< seconds before the first of them
    double longest_delay = 10;                   ///< seconds; of Retry-After too
    int64_t batch = 64;                          ///< rows a call
    int64_t largest_answer = int64_t{64} << 20;  ///< bytes
    /// Environment variable that holds a bearer token; not sent where it is not set.
    std::string token_variable = "WHENCE_REMOTE_TOKEN";
    /// PEM file of the authorities to trust over TLS; empty: the system's (or SSL_CERT_FILE).
    std::string ca_file;
    /// What the scores of the outputs are; the protocol does not say.
    Scale scale = Scale::raw;
};

/// Sets one option by name: "connect-timeout", "timeout", "retries", "delay", "longest-delay",
/// "batch", "largest-answer", "token-variable", "ca-file", "scale"; underscores do for dashes.
/// Throws Error(usage) for a name or a value that is none.
void set_option(Options& options, std::string_view name, std::string_view value);

/// The same from "NAME=VALUE" texts.
[[nodiscard]] Options parse_options(const std::vector<std::string>& texts);

}  // namespace whence::remote
