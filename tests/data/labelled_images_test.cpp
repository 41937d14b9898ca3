// Image sets in each form (written by make_files.py), the complete ones where they lie beside the
// project, and hostile files.

#include "whence/data/gzip.h"
#include "whence/data/labelled_images.h"

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

std::filesystem::path set_folder(const std::string& name) {
    return test_file("image_sets") / name;
}

/// The byte that make_files.py wrote there.
uint8_t byte_at(int64_t image, int64_t y, int64_t x, int64_t channel) {
    return static_cast<uint8_t>((37 * image + 5 * y + 3 * x + 101 * channel) % 256);
}

/// Every pixel and label, the images counted from `first`.
void expect_counted(const LabelledImages& images, int64_t count, int64_t first) {
    ASSERT_EQ(images.count(), count);
    ASSERT_EQ(static_cast<int64_t>(images.pixels.size()), count * images.image_size());
    auto pixel = images.pixels.begin();
    for (int64_t i = first; i < first + count; ++i) {
        EXPECT_EQ(images.labels[i - first], 3 * i % 10);
        for (int64_t y = 0; y < images.height; ++y)
            for (int64_t x = 0; x < images.width; ++x)
                for (int64_t c = 0; c < images.channels; ++c)
                    ASSERT_EQ(*pixel++, byte_at(i, y, x, c)) << i << ' ' << y << ' ' << x << ' ' << c;
    }
}

void expect_size(const LabelledImages& images, int64_t height, int64_t width, int64_t channels) {
    EXPECT_EQ(images.height, height);
    EXPECT_EQ(images.width, width);
    EXPECT_EQ(images.channels, channels);
}

TEST(ImageSet, IdxFilesAsTheyAreAndGzipped) {
    for (const char* name : {"digits", "small_fashion"}) {
        const ImageSet set = read_image_set(set_folder(name));
        EXPECT_EQ(set.name, name);
        EXPECT_EQ(set.note, "");
        expect_size(set.train, 4, 5, 1);
        expect_counted(set.train, 6, 0);
        expect_counted(set.test, 3, 6);
    }
}

TEST(ImageSet, NamesOfClasses) {
    const ImageSet digits = read_image_set(set_folder("digits")), fashion = read_image_set(set_folder("small_fashion"));
    EXPECT_EQ(digits.train.classes, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
    EXPECT_EQ(fashion.test.classes[9], "Ankle boot");
    EXPECT_EQ(read_image_set(set_folder("cifar_binary")).train.classes[3], "cat");
    EXPECT_EQ(read_image_set(set_folder("cifar_sheets")).test.classes[9], "truck");
}

TEST(ImageSet, Cifar10BinaryAndSheetsAreTheSamePictures) {
    for (const char* name : {"cifar_binary", "cifar_sheets"}) {
        const ImageSet set = read_image_set(set_folder(name));
        expect_size(set.train, 32, 32, 3);
        expect_counted(set.train, 3, 0);
        expect_counted(set.test, 1, 3);
        EXPECT_EQ(set.note, "3 of the 50000 training images and 1 of the 10000 test images of CIFAR-10");
    }
}

TEST(ImageSet, RowsAreBytesOver255) {
    const LabelledImages train = read_image_set(set_folder("cifar_sheets")).train;
    const std::vector<int64_t> numbers = {2, 0, 2};
    const Tensor rows = train.rows(numbers);
    EXPECT_EQ(rows.shape(), (Shape{3, 32, 32, 3}));
    const auto values = rows.as<float>();
    for (size_t row = 0; row < numbers.size(); ++row)
        for (int64_t i = 0; i < train.image_size(); ++i)
            ASSERT_EQ(values[row * train.image_size() + i],
                      static_cast<float>(train.pixels[numbers[row] * train.image_size() + i]) / 255.0F);
    EXPECT_EQ(train.image(1).pixels[7], train.pixels[train.image_size() + 7]);
    EXPECT_EQ(train.class_counts(), (std::vector<int64_t>{1, 0, 0, 1, 0, 0, 1, 0, 0, 0}));
    EXPECT_EQ(error_of([&] { (void)train.rows(std::vector<int64_t>{3}); }), "usage: no picture 3 in a set of 3");
    EXPECT_EQ(error_of([&] { (void)train.image(-1); }), "usage: no picture -1 in a set of 3");
}

TEST(ImageSet, PicklesAreNeverRead) {
    const TemporaryFolder folder;
    write_file(folder / "data_batch_1", "(lp0\n.");
    EXPECT_NE(error_of([&] { (void)read_image_set(folder / ""); }).find("are Python pickles, which run code when read"),
              std::string::npos);
}

TEST(ImageSet, FoldersThatHoldNoSet) {
    const TemporaryFolder folder;
    EXPECT_NE(error_of([&] { (void)read_image_set(folder / ""); }).find("no image set"), std::string::npos);
    EXPECT_TRUE(error_of([&] { (void)read_image_set(folder / "none"); }).starts_with("io: "));
    write_file(folder / "train-images-idx3-ubyte", file_bytes("image_sets/digits/train-images-idx3-ubyte"));
    EXPECT_NE(error_of([&] { (void)read_image_set(folder / ""); }).find("there is no train-labels-idx1-ubyte"),
              std::string::npos);
}

class BrokenSet : public testing::Test {
  protected:
    void copy(const std::string& name) {
        for (const auto& entry : std::filesystem::directory_iterator(set_folder(name)))
            std::filesystem::copy(entry.path(), folder_ / entry.path().filename().string());
    }
    [[nodiscard]] std::string error() const {
        return error_of([&] { (void)read_image_set(folder_ / ""); });
    }
    void expect_error(const std::string& part) const {
        const std::string message = error();
        EXPECT_TRUE(message.starts_with("input: ")) << message;
        EXPECT_NE(message.find(part), std::string::npos) << message;
    }
    TemporaryFolder folder_;
};

TEST_F(BrokenSet, LabelsAreAsManyAsPictures) {
    copy("digits");
    write_file(folder_ / "train-labels-idx1-ubyte", file_bytes("image_sets/digits/t10k-labels-idx1-ubyte"));
    expect_error("labels of shape [3] for 6 pictures");
}

TEST_F(BrokenSet, LabelsHaveAClass) {
    copy("cifar_sheets");
    write_file(folder_ / "classes.txt", "one\ntwo\n");
    expect_error("2 classes, and a picture has label 9");
}

TEST_F(BrokenSet, HalvesAreOfOneSize) {
    copy("digits");
    std::vector<std::byte> test = file_bytes("image_sets/digits/t10k-images-idx3-ubyte");
    std::swap(test[11], test[15]);  // 5 x 4
    write_file(folder_ / "t10k-images-idx3-ubyte", test);
    expect_error("training pictures of 4x5 pixels, test pictures of 5x4");
}

TEST_F(BrokenSet, TablesOfSheetsAreChecked) {
    copy("cifar_sheets");
    const auto with = [&](const std::string& row) {
        write_file(folder_ / "train_labels.csv", "sheet,index,label\n" + row + "\n");
    };
    with("train_00.png,5,0");
    EXPECT_EQ(error(), "no error");
    with("train_00.png,6,0");
    expect_error("row 1: index 6 is none of 0 to 5");
    with("train_00.png,-1,0");
    expect_error("index -1");
    with("train_00.png,0.5,0");
    expect_error("index 0.5");
    with("train_00.png,0,10");
    expect_error("label 10 is none of 0 to 9");
    with("train_00.png,0,\ntrain_00.png,0,1");
    expect_error("label nan");
    with("../train_00.png,0,1");
    expect_error("'../train_00.png' is no name of a file in this folder");
    with("..,0,1");
    expect_error("'..' is no name");
    with("train_00.png,zero,1");
    expect_error("column 'index' should hold numbers");
    write_file(folder_ / "train_labels.csv", "sheet,index\ntrain_00.png,1\n");
    expect_error("there is no column 'label'");
    std::filesystem::copy(test_file("photo.png"), folder_ / "photo.png");
    with("photo.png,0,1");
    expect_error("23x37 pixels and 3 channels is no sheet");
}

TEST(Idx, EveryCountIsChecked) {
    const std::vector<std::byte> whole = file_bytes("image_sets/digits/train-images-idx3-ubyte");
    EXPECT_EQ(decode_idx(whole).shape(), (Shape{6, 4, 5}));
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_TRUE(error_of([&] { (void)decode_idx(std::span(whole).first(size), "f"); }).starts_with("input: f: ")) << size;
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(error_of([&] { (void)decode_idx(longer, "f"); }),
              "input: f: an idx file of [6, 4, 5] should hold 120 bytes after its header and holds 121");
    const auto header = [](const std::string& bytes) { return error_of([&] { (void)decode_idx(bytes_of(bytes), "f"); }); };
    using std::string_literals::operator""s;
    EXPECT_EQ(header("\0\0\x0D\1\0\0\0\1\0\0\0\0"s), "input: f: idx elements of type 0x0D; only unsigned bytes (0x08) are read");
    EXPECT_EQ(header("\0\0\x08\0"s), "input: f: an idx file of 0 dimensions; 1 to 4 are read");
    EXPECT_EQ(header("\0\1\x08\1\0\0\0\0"s), "input: f: this is no idx file");
    EXPECT_EQ(header("\0\0\x08\2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), "limit: f: this idx file claims more than 2 GiB");
}

// gzip < /dev/null: nowhere to unpack to, and nothing to unpack.
TEST(Gzip, NothingUnpacksToNothing) {
    const std::vector<unsigned char> empty{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0};
    EXPECT_TRUE(decode_gzip(std::as_bytes(std::span(empty))).empty());
}

TEST(Gzip, EveryByteThatIsLostIsNoticed) {
    const std::vector<std::byte> whole = file_bytes("image_sets/small_fashion/train-images-idx3-ubyte.gz");
    EXPECT_EQ(decode_gzip(whole), file_bytes("image_sets/digits/train-images-idx3-ubyte"));
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_TRUE(error_of([&] { (void)decode_gzip(std::span(whole).first(size), "f"); }).starts_with("input: f: ")) << size;
    // The trailer: checksum and size.
    for (size_t at = whole.size() - 8; at < whole.size(); ++at) {
        std::vector<std::byte> broken = whole;
        broken[at] ^= std::byte{1};
        EXPECT_TRUE(error_of([&] { (void)decode_gzip(broken, "f"); }).starts_with("input: f: ")) << at;
    }
}

TEST(Gzip, AFewBytesThatClaimMuchAllocateNothing) {
    std::vector<std::byte> bytes = bytes_of(std::string("\x1F\x8B\x08\0\0\0\0\0\0\3", 10));
    append_little_endian(bytes, 0, 4);
    append_little_endian(bytes, 0x7FFFFFFF, 4);
    EXPECT_EQ(error_of([&] { (void)decode_gzip(bytes, "f"); }), "input: f: this gzip file claims 2147483647 bytes from 0");
}

TEST(Gzip, OptionalPartsOfTheHeaderAreSkipped) {
    std::vector<std::byte> bytes = file_bytes("image_sets/small_fashion/train-labels-idx1-ubyte.gz");
    const std::vector<std::byte> content = decode_gzip(bytes);
    bytes[3] = std::byte{2 | 4 | 8 | 16};
    const std::vector<std::byte> parts = bytes_of(std::string("\3\0abcname\0comment\0\x11\x22", 5 + 5 + 8 + 2));
    bytes.insert(bytes.begin() + 10, parts.begin(), parts.end());
    EXPECT_EQ(decode_gzip(bytes), content);
    bytes[3] |= std::byte{0x20};
    EXPECT_NE(error_of([&] { (void)decode_gzip(bytes); }).find("flags that no version of the format knows"), std::string::npos);
}

TEST(Cifar10, RecordsAreWholeAndLabelsKnown) {
    std::vector<std::byte> bytes = file_bytes("image_sets/cifar_binary/data_batch_1.bin");
    EXPECT_EQ(decode_cifar10(bytes).count(), 2);
    EXPECT_NE(error_of([&] { (void)decode_cifar10(std::span(bytes).first(6000), "f"); }).find("6000 bytes are no whole records"),
              std::string::npos);
    EXPECT_NE(error_of([&] { (void)decode_cifar10({}, "f"); }).find("0 bytes"), std::string::npos);
    bytes[3073] = std::byte{10};
    EXPECT_EQ(error_of([&] { (void)decode_cifar10(bytes, "f"); }), "input: f: record 1 has label 10, and there are 10 classes");
}

/// The published sets: their means are known.
double mean_of(const LabelledImages& images, int64_t channel) {
    double sum = 0;
    for (size_t i = channel; i < images.pixels.size(); i += images.channels) sum += images.pixels[i];
    return sum / 255 / static_cast<double>(images.count() * images.height * images.width);
}

TEST(PublishedSets, AreReadWhole) {
    const std::filesystem::path shared = WHENCE_SHARED_DIR "/data";
    if (!std::filesystem::exists(shared / "mnist")) GTEST_SKIP() << "no published sets beside the project";
    const ImageSet mnist = read_image_set(shared / "mnist");
    EXPECT_EQ(mnist.train.count(), 60000);
    EXPECT_EQ(mnist.test.count(), 10000);
    EXPECT_NEAR(mean_of(mnist.train, 0), 0.1307, 5e-5);
    const ImageSet fashion = read_image_set(shared / "fashion_mnist");
    EXPECT_NEAR(mean_of(fashion.train, 0), 0.2860, 5e-5);
    EXPECT_EQ(fashion.train.classes[0], "T-shirt/top");
    EXPECT_EQ(fashion.train.class_counts(), std::vector<int64_t>(10, 6000));
}

TEST(PublishedSets, Cifar10SaysWhatIsMissing) {
    const std::filesystem::path folder = WHENCE_SHARED_DIR "/data/cifar10";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no CIFAR-10 beside the project";
    const ImageSet set = read_image_set(folder);
    EXPECT_EQ(set.note, "20000 of the 50000 training images of CIFAR-10");
    EXPECT_EQ(set.train.class_counts(), std::vector<int64_t>(10, 2000));
    EXPECT_EQ(set.test.class_counts(), std::vector<int64_t>(10, 1000));
    EXPECT_NEAR(mean_of(set.test, 0), 0.4942, 1e-3);
    EXPECT_NEAR(mean_of(set.test, 2), 0.4504, 1e-3);
}

}  // namespace
}  // namespace whence::data
