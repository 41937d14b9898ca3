#include "whence/core/hash.h"

#include <gtest/gtest.h>

#include <set>

#include "core/support.h"
#include "whence/core/file.h"

namespace whence {
namespace {

std::string digest(std::string_view text) {
    return sha256(std::as_bytes(std::span(text.data(), text.size())));
}

constexpr const char* million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

// FIPS 180-2, appendix B, and NIST's SHA256ShortMsg.rsp.
TEST(Sha256, MatchesNist) {
    EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(digest("\xd3"), "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
    EXPECT_EQ(digest("\x11\xaf"),
              "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98");
    EXPECT_EQ(digest(std::string(1000000, 'a')), million);
}

TEST(Sha256, DoesNotDependOnTheChunks) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7);
    const std::string whole = digest(text);
    for (const size_t chunk : {1, 3, 55, 56, 63, 64, 65, 127, 999}) {
        Sha256 hash;
        for (size_t at = 0; at < text.size(); at += chunk) {
            const std::string part = text.substr(at, chunk);
            hash.update(std::as_bytes(std::span(part.data(), part.size())));
            hash.update({});
        }
        EXPECT_EQ(hash.hex(), whole) << chunk;
    }
}

// Every length around the padding's edges gives another digest, none by accident the same.
TEST(Sha256, TellsLengthsApart) {
    std::set<std::string> seen;
    for (size_t length = 0; length < 200; ++length) seen.insert(digest(std::string(length, '\0')));
    EXPECT_EQ(seen.size(), 200U);
}

TEST(Sha256, OfAFile) {
    const testing::Folder folder;
    write_file(folder / "f", std::string(1000000, 'a'));
    EXPECT_EQ(sha256_of_file(folder / "f"), million);
    write_file(folder / "empty", std::string_view());
    EXPECT_EQ(sha256_of_file(folder / "empty"), digest(""));
    testing::expect_within(
        testing::error_of(ErrorKind::io, [&] { return sha256_of_file(folder / "none"); }), "none");
    // A folder can be opened but not read: no hash of nothing.
    testing::error_of(ErrorKind::io, [&] { return sha256_of_file(folder.path()); });
}

}  // namespace
}  // namespace whence
