// Files read and arrays written block by block are those read and written whole.

#include "whence/data/row_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "data/support.h"
#include "whence/data/csv.h"
#include "whence/data/npy.h"

namespace whence::data {
namespace {

using test::error_of;
using test::TemporaryFolder;

std::vector<double> all_of(RowStream& stream, int64_t most) {
    std::vector<double> out;
    while (const auto rows = stream.next(most)) {
        EXPECT_LE(rows->rows(), most);
        const std::vector<double> values = rows->to_doubles();
        out.insert(out.end(), values.begin(), values.end());
    }
    EXPECT_EQ(stream.share(), 1);
    return out;
}

// NaN equals NaN.
void expect_same(const std::vector<double>& a, const std::vector<double>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
        ASSERT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) << i << ": " << a[i] << ", " << b[i];
}

void replace(std::vector<std::byte>& bytes, const std::string& old, const std::string& with) {
    const auto found = std::ranges::search(bytes, std::as_bytes(std::span(old)));
    ASSERT_FALSE(found.empty());
    std::ranges::copy(std::as_bytes(std::span(with)), found.begin());
}

// Longer than a block of the reader, with all that a cell may hold; rows end in each of three ways, so
// that blocks end anywhere in a row.
std::string large_csv() {
    std::string text = "\xEF\xBB\xBF\n a;\"b \"\"q\"\"\";c\r\n";
    for (int row = 0; row < 60000; ++row) {
        const char* word = row % 3 ? "\"line\nbreak; \"\"and\"\" quotes\"" : "plain";
        text += fmt::format("{};{};{}", row % 7 ? fmt::format("{}.25", row) : "", word, row * 3);
        text += row % 4 == 0 ? "\r\n" : row % 4 == 1 ? "\n" : row % 4 == 2 ? "\r" : "\n\n  \n";
    }
    return text;
}

TEST(RowStream, ReadsACsvAsItIsReadWhole) {
    const TemporaryFolder folder;
    const std::string text = large_csv();
    ASSERT_GT(text.size(), size_t{2} << 20);
    write_file(folder / "t.csv", text);
    const Table whole = parse_csv(text, "t.csv");
    ASSERT_EQ(whole.rows(), 60000);
    ASSERT_EQ(whole.schema[1].categories.size(), 2U);
    const Schema schema = csv_schema(folder / "t.csv");
    ASSERT_EQ(schema[1].name, "b \"q\"");
    EXPECT_EQ(schema[1].categories, whole.schema[1].categories);
    const std::vector<double> values = whole.matrix().to_doubles();
    expect_same(read_csv(folder / "t.csv").matrix().to_doubles(), values);
    for (const int64_t most : {1000, 7777, 1 << 20})
        expect_same(all_of(*stream_csv(folder / "t.csv", schema), most), values);
}

TEST(RowStream, ARowMayBeLongerThanABlock) {
    const TemporaryFolder folder;
    const std::string word(5 << 20, 'x');
    write_file(folder / "t.csv", "a,b\n1," + word + "\n2,\"" + word + "\n" + word + "\"");
    const Schema schema = csv_schema(folder / "t.csv");
    EXPECT_EQ(schema[1].categories.size(), 2U);
    EXPECT_EQ(all_of(*stream_csv(folder / "t.csv", schema), 1), (std::vector<double>{1, 0, 2, 1}));
}

TEST(RowStream, ErrorsNameTheLineOfTheFile) {
    const TemporaryFolder folder;
    std::string text = large_csv();
    const auto lines = std::count(text.begin(), text.end(), '\n') + 15000;  // every fourth ends with CR alone
    write_file(folder / "t.csv", text + "1;plain;2;3\n");
    const Schema schema = parse_csv(text, "t").schema;
    EXPECT_NE(error_of([&] { all_of(*stream_csv(folder / "t.csv", schema), 100); })
                  .find(fmt::format("t.csv line {}: 4 cells, the header has 3", lines + 1)),
              std::string::npos);
    write_file(folder / "t.csv", text + "1;\"plain;2\n");
    EXPECT_NE(error_of([&] { all_of(*stream_csv(folder / "t.csv", schema), 100); })
                  .find("a quote that is opened and never closed"),
              std::string::npos);
    EXPECT_NE(error_of([&] { (void)stream_csv(folder / "none.csv", schema); }).find("io: "), std::string::npos);
}

TEST(RowStream, ReadsAnArrayAsItIsReadWhole) {
    const TemporaryFolder folder;
    for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::int16}) {
        std::vector<double> values(3 * 1001);
        for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 977) - 400;
        const Tensor rows = Tensor::of<double>({1001, 3}, values).cast(type);
        write_npy(folder / "t.npy", rows);
        EXPECT_EQ(npy_shape(folder / "t.npy"), (Shape{1001, 3}));
        expect_same(all_of(*stream_npy(folder / "t.npy"), 100), values);
    }
    const std::vector<double> values{1.5, -2, 3, 1e300};
    std::vector<std::byte> turned = encode_npy(Tensor::of<double>({2, 2}, values));
    replace(turned, "<f8", ">f8");
    for (auto at = turned.end() - 32; at != turned.end(); at += 8) std::reverse(at, at + 8);
    write_file(folder / "big.npy", turned);
    expect_same(all_of(*stream_npy(folder / "big.npy"), 1), values);
}

TEST(RowStream, RefusesArraysThatAreNoRows) {
    const TemporaryFolder folder;
    const auto error = [&](const Tensor& array) {
        write_npy(folder / "t.npy", array);
        return error_of([&] { (void)stream_npy(folder / "t.npy"); });
    };
    EXPECT_NE(error(Tensor(ElementType::float32, {4})).find("this array is float32 of shape [4]"), std::string::npos);
    EXPECT_NE(error(Tensor(ElementType::string, {2, 2})).find("string"), std::string::npos);
    std::vector<std::byte> bytes = encode_npy(Tensor(ElementType::float64, {4, 3}));
    bytes.pop_back();
    write_file(folder / "t.npy", bytes);
    EXPECT_NE(error_of([&] { (void)stream_npy(folder / "t.npy"); }).find("does not fit its"), std::string::npos);
    bytes = encode_npy(Tensor(ElementType::float64, {4, 3}));
    replace(bytes, "False", "True ");
    write_file(folder / "t.npy", bytes);
    EXPECT_NE(error_of([&] { (void)stream_npy(folder / "t.npy"); }).find("Fortran order"), std::string::npos);
}

TEST(GrowingArray, IsTheArrayWrittenWhole) {
    const TemporaryFolder folder;
    std::vector<double> values(5000 * 7);
    for (size_t i = 0; i < values.size(); ++i) values[i] = 1.0 / static_cast<double>(i + 1);
    std::vector<GrowingArray> arrays;
    arrays.emplace_back("values", folder / "", Shape{7});
    arrays.emplace_back("first", folder / "");
    for (size_t at = 0; at < values.size(); at += 7 * 1000)
        arrays[0].append(std::span(values).subspan(at, 7 * 1000));
    arrays[1].append(std::span(values).first(5));
    const Tensor whole = Tensor::of<double>({5000, 7}, values);
    write_npy(folder / "t.npy", arrays[0]);
    EXPECT_EQ(read_file(folder / "t.npy"), encode_npy(whole));
    const std::vector<NamedTensor> names{{"names", Tensor::of<std::string>({1}, std::vector<std::string>{"a"})}};
    write_npz(folder / "t.npz", arrays, names);
    const std::vector<NamedTensor> all{{"values", whole},
                                       {"first", Tensor::of<double>({5}, std::span(values).first(5))},
                                       names[0]};
    EXPECT_EQ(read_file(folder / "t.npz"), encode_npz(all));
    // Nothing but these two files was left.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 2);
}

}  // namespace
}  // namespace whence::data
