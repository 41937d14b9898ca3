// NumPy's files (written by make_files.py), their round trip, and hostile ones.

#include "whence/data/npy.h"

#include <numeric>

#include "data/support.h"
#include "whence/data/bytes.h"

namespace whence::data {
namespace {

using test::bytes_of;
using test::error_of;
using test::file_bytes;
using test::TemporaryFolder;
using test::test_file;

Tensor array(const std::string& name) {
    return read_npy(test_file(name + ".npy"));
}

/// 0 to 23 under `transform`, the content of most files.
std::vector<double> counted(const std::function<double(double)>& transform) {
    std::vector<double> out(24);
    for (size_t i = 0; i < out.size(); ++i) out[i] = transform(static_cast<double>(i));
    return out;
}

TEST(ReadNpy, EveryElementTypeByteOrderAndAxisOrder) {
    const auto eighth = [](double i) { return i / 8; };
    const auto same = [](double i) { return i; };
    const auto minus_12 = [](double i) { return i - 12; };
    struct Case {
        std::string name;
        ElementType type;
        std::function<double(double)> value;
    };
    for (const auto& [name, type, value] : {
             Case{"float32", ElementType::float32, eighth},
             Case{"float64_big_fortran", ElementType::float64, eighth},
             Case{"float16", ElementType::float16, eighth},
             Case{"int8", ElementType::int8, minus_12},
             Case{"int16_big", ElementType::int16, [](double i) { return 1000 * i - 12000; }},
             Case{"int32_fortran", ElementType::int32, same},
             Case{"int64", ElementType::int64, minus_12},
             Case{"uint8", ElementType::uint8, same},
             Case{"uint16", ElementType::uint16, same},
             Case{"uint32", ElementType::uint32, same},
             Case{"uint64_big", ElementType::uint64, same},
             Case{"bool", ElementType::boolean,
                  [](double i) { return static_cast<int>(i) % 2 == 0; }},
         }) {
        const Tensor tensor = array(name);
        EXPECT_EQ(tensor.type(), type) << name;
        EXPECT_EQ(tensor.shape(), (Shape{2, 3, 4})) << name;
        EXPECT_EQ(tensor.to_doubles(), counted(value)) << name;
    }
}

TEST(ReadNpy, Text) {
    EXPECT_EQ(array("unicode"), Tensor::of<std::string>({4}, {"Ähre", "", "日本", "x"}));
    EXPECT_EQ(array("unicode_big_fortran"),
              Tensor::of<std::string>({2, 2}, {"a", "bb", "ccc", "dddd"}));
    EXPECT_EQ(array("bytes"), Tensor::of<std::string>({3}, {"abc", "", "de"}));
}

TEST(ReadNpy, ScalarEmptyAndNewerVersions) {
    EXPECT_EQ(array("scalar"), Tensor::of<float>({}, {1.5F}));
    EXPECT_EQ(array("empty"), Tensor(ElementType::float32, {0, 3}));
    EXPECT_EQ(array("version_2"), Tensor::of<float>({3}, {0, 1, 2}));
    EXPECT_EQ(array("version_3"), Tensor::of<float>({3}, {0, 1, 2}));
}

TEST(ReadNpy, WhatIsNotReadIsNamed) {
    const auto error = [](const std::string& name) {
        return error_of([&] { (void)decode_npy(file_bytes(name + ".npy"), "a.npy"); });
    };
    const std::string header = "input: a.npy: the header of this .npy array ";
    EXPECT_EQ(error("object"),
              header + "says that it holds Python objects (a pickle), which are never read");
    EXPECT_EQ(error("structured"),
              header + "describes records (a structured array), which are not read");
    EXPECT_EQ(error("complex"), header + "names the element type '<c8', which is not read");
}

// Byte for byte what numpy.save writes.
TEST(WriteNpy, LikeNumpy) {
    for (const std::string name : {"float32", "float16", "int8", "int64", "uint8", "uint16",
                                   "uint32", "bool", "unicode", "scalar", "empty"})
        EXPECT_EQ(encode_npy(array(name)), file_bytes(name + ".npy")) << name;
}

TEST(WriteNpy, Bfloat16BecomesFloat32) {
    Tensor tensor(ElementType::bfloat16, {1});
    tensor.data()[1] = std::byte{0x3F};  // 0x3F00 is 0.5
    EXPECT_EQ(decode_npy(encode_npy(tensor)), Tensor::of<float>({1}, {0.5F}));
}

TEST(WriteNpy, RefusesTextThatIsNotUtf8) {
    const Tensor tensor = Tensor::of<std::string>({1}, {"a\xC3("});
    EXPECT_EQ(error_of([&] { (void)encode_npy(tensor); }),
              "input: 'a?(' is not UTF-8: it cannot be written as .npy");
}

std::vector<std::byte> npy(const std::string& header, size_t data_bytes) {
    std::vector<std::byte> out = bytes_of(std::string_view("\x93NUMPY\x01\x00", 8));
    append_little_endian(out, header.size(), 2);
    for (const char c : header) out.push_back(static_cast<std::byte>(c));
    out.resize(out.size() + data_bytes);
    return out;
}

std::string error_of_header(const std::string& header, size_t data_bytes = 16) {
    return error_of([&] { (void)decode_npy(npy(header, data_bytes), "a.npy"); });
}

std::string with_shape(const std::string& shape, const std::string& type = "<f4") {
    return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

TEST(HostileNpy, ShapesThatLie) {
    EXPECT_EQ(error_of_header(with_shape("(5,)")),
              "input: a.npy: an array of shape [5] does not fit its 16 bytes");
    EXPECT_EQ(error_of_header(with_shape("(3,)")),
              "input: a.npy: an array of shape [3] does not fit its 16 bytes");
    EXPECT_EQ(error_of_header(with_shape("(-1,)")),
              "input: a.npy: the header of this .npy array has a shape with something other than "
              "lengths");
    EXPECT_EQ(error_of_header(with_shape("(99999999999999999999,)")),
              "input: a.npy: the header of this .npy array has a shape with something other than "
              "lengths");
    EXPECT_EQ(error_of_header(with_shape("(4611686018427387905, 4)")),
              "limit: shape [4611686018427387905, 4] is too large");
    EXPECT_EQ(error_of_header(with_shape("(281474976710656,)")),
              "input: a.npy: an array of shape [281474976710656] does not fit its 16 bytes");
    EXPECT_EQ(error_of_header(with_shape("(100000000,)", "<U0"), 0),
              "input: a.npy: text of length 0 is no element type of an array");
    std::string many = "(";
    for (int i = 0; i < 70; ++i) many += "1, ";
    EXPECT_EQ(error_of_header(with_shape(many + ")"), 4),
              "input: a.npy: the header of this .npy array has too many dimensions");
}

TEST(HostileNpy, BrokenHeaders) {
    const std::string start = "input: a.npy: the header of this .npy array ";
    EXPECT_EQ(error_of_header(""), start + "has no '{' where one belongs");
    EXPECT_EQ(error_of_header("{}"), start + "lacks descr, fortran_order or shape");
    EXPECT_EQ(error_of_header("{'descr': '<f4'"), start + "has no '}' where one belongs");
    EXPECT_EQ(error_of_header("{'descr': <f4}"), start + "is damaged");
    EXPECT_EQ(error_of_header("{'evil\n': 1}"), start + "has the unknown key 'evil?'");
    EXPECT_EQ(error_of_header("{'fortran_order': 1}"),
              start + "has a fortran_order that is neither True nor False");
    EXPECT_EQ(error_of_header(with_shape("(1,)", "<U")),
              start + "names a text type without a length");
    EXPECT_EQ(error_of_header(with_shape("(1,)", "<U99999999999999")),
              start + "names a text type without a length");
    EXPECT_EQ(error_of_header(with_shape("(1,)", "")),
              start + "names the element type '', which is not read");
}

TEST(HostileNpy, EveryTruncationIsRefused) {
    for (const std::string name : {"float32", "unicode", "version_3"}) {
        const std::vector<std::byte> whole = file_bytes(name + ".npy");
        for (size_t length = 0; length < whole.size(); ++length)
            EXPECT_TRUE(error_of([&] {
                            (void)decode_npy(std::span(whole).first(length), "a");
                        }).starts_with("input: a"))
                << name << " " << length;
    }
}

TEST(HostileNpy, TextThatIsNotUnicode) {
    std::vector<std::byte> file = npy(with_shape("(1,)", "<U1"), 4);
    file[file.size() - 2] = std::byte{0x11};  // U+110000
    EXPECT_EQ(error_of([&] { (void)decode_npy(file, "a"); }),
              "input: a: this array holds text that is not Unicode");
}

TEST(HostileNpy, BooleansAreZeroOrOne) {
    std::vector<std::byte> file = npy(with_shape("(2,)", "|b1"), 2);
    file.back() = std::byte{77};
    EXPECT_EQ(decode_npy(file).to_doubles(), (std::vector<double>{0, 1}));
    EXPECT_EQ(decode_npy(file).data()[1], std::byte{1});
}

TEST(Npz, StoredAndDeflated) {
    for (const std::string name : {"stored.npz", "deflated.npz"}) {
        const std::vector<NamedTensor> arrays = read_npz(test_file(name));
        ASSERT_GE(arrays.size(), 2U) << name;
        EXPECT_EQ(arrays[0].name, "x");
        EXPECT_EQ(arrays[0].value.to_doubles(), counted([](double i) { return i; }));
        EXPECT_EQ(arrays[1].name, "names");
        EXPECT_EQ(arrays[1].value, Tensor::of<std::string>({2}, {"a", "b"}));
    }
    EXPECT_EQ(read_npz(test_file("deflated.npz"))[2].value,
              Tensor(ElementType::float64, {100, 100}));
}

TEST(Npz, RoundTrip) {
    const TemporaryFolder folder;
    std::vector<NamedTensor> arrays;
    arrays.push_back({"x", Tensor::of<double>({2, 1}, {0.1, -3})});
    arrays.push_back({"größe", Tensor::of<std::string>({1}, {"日本"})});
    write_npz(folder / "a.npz", arrays);
    const std::vector<NamedTensor> again = read_arrays(folder / "a.npz");
    ASSERT_EQ(again.size(), 2U);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(again[i].name, arrays[i].name);
        EXPECT_EQ(again[i].value, arrays[i].value);
    }
    EXPECT_TRUE(decode_npz(encode_npz({})).empty());
}

TEST(Npz, ReadArraysTakesBothKinds) {
    const TemporaryFolder folder;
    write_npy(folder / "a.data", Tensor::of<float>({2}, {1, 2}));
    const std::vector<NamedTensor> arrays = read_arrays(folder / "a.data");
    ASSERT_EQ(arrays.size(), 1U);
    EXPECT_EQ(arrays[0].name, "");
    EXPECT_EQ(arrays[0].value, Tensor::of<float>({2}, {1, 2}));
}

TEST(Npz, NamesMustDiffer) {
    std::vector<NamedTensor> arrays(2);
    EXPECT_EQ(error_of([&] { (void)encode_npz(arrays); }),
              "usage: the arrays of a .npz need names that differ");
    arrays[0].name = arrays[1].name = "x";
    EXPECT_EQ(error_of([&] { (void)encode_npz(arrays); }),
              "usage: the arrays of a .npz need names that differ");
}

TEST(HostileNpz, EveryTruncationIsRefused) {
    const std::vector<std::byte> whole = file_bytes("stored.npz");
    for (size_t length = 0; length < whole.size(); ++length)
        EXPECT_TRUE(error_of([&] {
                        (void)decode_npz(std::span(whole).first(length), "a");
                    }).starts_with("input: a"))
            << length;
}

/// Changes the number at `offset` in every entry of the central directory.
std::vector<std::byte> with_field(std::vector<std::byte> file, size_t offset, uint64_t value,
                                  int width) {
    const std::string_view text = as_text(file);
    std::vector<std::byte> field;
    append_little_endian(field, value, width);
    for (size_t at = text.find("PK\x01\x02"); at != std::string_view::npos;
         at = text.find("PK\x01\x02", at + 1))
        std::copy(field.begin(), field.end(), file.begin() + static_cast<int64_t>(at + offset));
    return file;
}

TEST(HostileNpz, FieldsThatLie) {
    const std::vector<std::byte> stored = file_bytes("stored.npz"),
                                 deflated = file_bytes("deflated.npz");
    const auto error = [](const std::vector<std::byte>& file) {
        return error_of([&] { (void)decode_npz(file, "a.npz"); });
    };
    EXPECT_EQ(error(with_field(stored, 16, 1, 4)),
              "input: a.npz: this .npz is damaged: the checksum of entry 'x.npy' is wrong");
    EXPECT_EQ(error(with_field(stored, 8, 1, 2)),
              "input: a.npz: this .npz is damaged: entry 'x.npy' is encrypted");
    EXPECT_EQ(
        error(with_field(stored, 10, 9, 2)),
        "input: a.npz: this .npz is damaged: entry 'x.npy' is packed by the unknown method 9");
    EXPECT_EQ(error(with_field(stored, 24, 1, 4)),
              "input: a.npz: this .npz is damaged: entry 'x.npy' has an impossible size");
    EXPECT_EQ(error(with_field(stored, 42, 5, 4)),
              "input: a.npz: this .npz is damaged: entry 'x.npy' is not where the directory says");
    EXPECT_EQ(error(with_field(deflated, 24, 0x7FFFFFF0, 4)),
              "limit: a.npz: this .npz unpacks to more than 4 GiB");
    EXPECT_EQ(error(with_field(deflated, 24, 0x10000000, 4)),
              "input: a.npz: this .npz is damaged: entry 'x.npy' claims 268435456 bytes");
    EXPECT_EQ(error(with_field(deflated, 24, 100, 4)),
              "input: a.npz: this .npz is damaged: entry 'x.npy' does not unpack");
}

TEST(HostileNpz, OtherFilesAreNoArrays) {
    EXPECT_EQ(error_of([] { (void)decode_npz(bytes_of("PK and more"), "a.npz"); }),
              "input: a.npz is no .npz archive, or a truncated one");
    std::vector<NamedTensor> arrays;
    arrays.push_back({"x", Tensor(ElementType::float32, {1})});
    std::vector<std::byte> file = encode_npz(arrays);
    std::string text(as_text(file));
    const size_t suffix = text.rfind(".npy");
    file[suffix + 3] = std::byte{'z'};
    EXPECT_EQ(error_of([&] { (void)decode_npz(file, "a.npz"); }),
              "input: a.npz: entry 'x.npz' is no .npy array");
}

}  // namespace
}  // namespace whence::data
