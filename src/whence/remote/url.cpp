#include "whence/remote/url.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw Error(ErrorKind::usage, printable(without_credentials(text), 400) + ": " + why);
}

std::optional<int> digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

// %41 -> A. What is no such escape stands for itself.
std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool escape =
            text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) && digit_of(text[i + 2]);
        out += escape ? static_cast<char>(*digit_of(text[i + 1]) * 16 + *digit_of(text[i + 2]))
                      : text[i];
        if (escape) i += 2;
    }
    return out;
}

// What stands between the scheme and the path.
struct Authority {
    std::string_view credentials, host_and_port;
};

Authority authority_of(std::string_view rest) {
    const std::string_view all = rest.substr(0, rest.find('/'));
    const size_t at = all.rfind('@');
    if (at == std::string_view::npos) return {{}, all};
    return {all.substr(0, at), all.substr(at + 1)};
}

std::string_view after_scheme(std::string_view text) {
    return text.substr(text.find("://") + 3);
}

void read_host(std::string_view text, std::string_view given, Url& url) {
    url.port = url.tls ? 443 : 80;
    const size_t bracket = given.starts_with('[') ? given.find(']') : 0;
    if (bracket == std::string_view::npos) refuse(text, "the address lacks its closing bracket");
    const size_t colon = given.find(':', bracket);
    std::string_view host = given.substr(0, colon);
    if (bracket > 0) host = host.substr(1, host.size() - 2);
    const auto good = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_' || c == ':';
    };
    if (host.empty() || !std::ranges::all_of(host, good)) refuse(text, "it names no host");
    url.host = host;
    if (colon == std::string_view::npos) return;
    const std::string_view port = given.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port < 1 ||
        url.port > 65535)
        refuse(text, "the port is no number from 1 to 65535");
}

}  // namespace

bool is_url(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

std::string without_credentials(std::string_view text) {
    if (!is_url(text)) return std::string(text);
    const std::string_view rest = after_scheme(text);
    const std::string_view credentials = authority_of(rest).credentials;
    std::string out(text.substr(0, text.size() - rest.size()));
    return out += credentials.empty() ? rest : rest.substr(credentials.size() + 1);
}

std::string Url::shown() const {
    const bool default_port = port == (tls ? 443 : 80);
    return std::string(tls ? "https://" : "http://") +
           (host.find(':') == std::string::npos ? host : "[" + host + "]") +
           (default_port ? "" : ":" + std::to_string(port)) + path;
}

bool Url::loopback() const {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Url parse_url(std::string_view text) {
    if (!is_url(text)) refuse(text, "it begins with neither http:// nor https://");
    Url url{.tls = text.starts_with("https://")};
    const std::string_view rest = after_scheme(text);
    const auto [credentials, host_and_port] = authority_of(rest);
    const size_t colon = credentials.find(':');
    url.user = unescaped(credentials.substr(0, colon));
    if (colon != std::string_view::npos) url.password = unescaped(credentials.substr(colon + 1));
    read_host(text, host_and_port, url);
    url.path = rest.substr(std::min(rest.find('/'), rest.size()));
    while (url.path.ends_with('/')) url.path.pop_back();
    static const std::regex form("(/[^/?#\\s]+)*/v2/models/[^/?#\\s]+(/versions/[^/?#\\s]+)?");
    if (url.path.size() > 1000 || !std::regex_match(url.path, form))
        refuse(text,
               "it is no model of the Open Inference Protocol; write "
               "http://HOST:PORT/v2/models/NAME or .../NAME/versions/V");
    return url;
}

}  // namespace whence::remote
