#include "whence/experiment/ledger.h"

#include <gtest/gtest.h>

#include "experiment/small_study.h"
#include "message_of.h"

namespace whence::experiment {
namespace {

using testing::Folder;
using testing::text_of;

const std::string header = R"({"whence-experiment":1,"spec":"x"})";
const std::vector<std::string> rows{R"({"row":1})", R"({"row":2,"text":"ä,\"checksum\":\"0\""})",
                                    R"({"row":3})"};

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string whole() {
    std::string out = line_of(header);
    for (const std::string& row : rows) out += line_of(row);
    return out;
}

TEST(Ledger, KeepsWhatWasAdded) {
    const Folder folder;
    {
        Ledger ledger(folder / "l", header);
        EXPECT_TRUE(ledger.rows().empty());
        ledger.add(std::span(rows).first(2));
        ledger.add(std::span(rows).last(1));
    }
    EXPECT_EQ(text_of(folder / "l"), whole());
    EXPECT_EQ(Ledger(folder / "l", header).rows(), rows);
    const Book book = read_book(folder / "l");
    EXPECT_EQ(book.header, header);
    EXPECT_EQ(book.rows, rows);
    EXPECT_FALSE(book.torn);
}

TEST(Ledger, CutAnywhereItLosesOneRowAtMost) {
    const Folder folder;
    const std::string text = whole();
    for (size_t length = 0; length <= text.size(); ++length) {
        write(folder / "l", text.substr(0, length));
        size_t kept = 0, bytes = line_of(header).size();
        while (kept < rows.size() && bytes + line_of(rows[kept]).size() <= length)
            bytes += line_of(rows[kept++]).size();
        {
            Ledger ledger(folder / "l", header);
            ASSERT_EQ(ledger.rows().size(), kept) << length;
            ledger.add(std::span(rows).subspan(kept));
        }
        ASSERT_EQ(text_of(folder / "l"), text) << length;
    }
}

TEST(Ledger, ADamagedRowIsNoEnd) {
    const Folder folder;
    std::string text = whole();
    const size_t at = line_of(header).size() + 3;
    text[at] = 'X';
    write(folder / "l", text);
    EXPECT_NE(message_of(ErrorKind::input, [&] { (void)read_book(folder / "l"); })
                  .find("line 2 is damaged"),
              std::string::npos);
    EXPECT_NE(message_of(ErrorKind::input, [&] { Ledger(folder / "l", header); })
                  .find("line 2 is damaged"),
              std::string::npos);
    EXPECT_EQ(text_of(folder / "l"), text) << "and it is left alone";
}

TEST(Ledger, ADamagedLastRowIsTorn) {
    const Folder folder;
    std::string text = whole();
    text[text.size() - 30] = 'X';
    write(folder / "l", text);
    EXPECT_TRUE(read_book(folder / "l").torn);
    EXPECT_EQ(Ledger(folder / "l", header).rows().size(), rows.size() - 1);
}

TEST(Ledger, AnotherStudyAndStrangersFilesAreLeftAlone) {
    const Folder folder;
    write(folder / "l", whole());
    EXPECT_NE(message_of(ErrorKind::usage,
                         [&] { Ledger(folder / "l", R"({"whence-experiment":1,"spec":"y"})"); })
                  .find("belongs to another study"),
              std::string::npos);
    EXPECT_EQ(text_of(folder / "l"), whole());
    for (const char* other :
         {"a letter\n", "{\"whence-other\":1}\n", "{\"whence-experimental", "x"}) {
        write(folder / "l", other);
        EXPECT_NE(
            message_of(ErrorKind::input, [&] { Ledger(folder / "l", header); }).find("no ledger"),
            std::string::npos)
            << other;
        EXPECT_EQ(text_of(folder / "l"), other);
    }
    write(folder / "l", "");
    EXPECT_NE(
        message_of(ErrorKind::input, [&] { (void)read_book(folder / "l"); }).find("nothing yet"),
        std::string::npos);
    EXPECT_THROW((void)read_book(folder / "missing"), Error);
}

TEST(Ledger, HasOneWriter) {
    const Folder folder;
    {
        const Ledger first(folder / "l", header);
        EXPECT_NE(message_of(ErrorKind::usage, [&] { Ledger(folder / "l", header); })
                      .find("another process"),
                  std::string::npos);
    }
    EXPECT_NO_THROW(Ledger(folder / "l", header));
}

}  // namespace
}  // namespace whence::experiment
