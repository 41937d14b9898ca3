#pragma once
// The address of a model behind an HTTP endpoint.

#include <string>
#include <string_view>

namespace whence::remote {

/// http://host:8000/v2/models/NAME or .../NAME/versions/V, taken apart.
struct Url {
    bool tls = false;
    std::string host;  ///< a name or an address; of IPv6 without its brackets
    int port = 0;
    std::string path;            ///< begins with a slash, ends without one
    std::string user, password;  ///< where the URL names them; sent, never shown

    /// The same without user and password: what messages and results show.
    [[nodiscard]] std::string shown() const;
    /// Whether what is sent stays on this machine, by the host's name alone.
    [[nodiscard]] bool loopback() const;
};

/// Whether a text is meant as a URL: it begins with http:// or https://.
[[nodiscard]] bool is_url(std::string_view text);

/// `text` without the user and password it may hold, whether or not it is a good URL.
[[nodiscard]] std::string without_credentials(std::string_view text);

/// Throws Error(usage) for what is no URL of a model in the Open Inference Protocol v2.
[[nodiscard]] Url parse_url(std::string_view text);

}  // namespace whence::remote
