// Stores of the tiny pair's embeddings (pair_folder.h): pictures and captions in, found again.

#include "whence/clip/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "message_of.h"
#include "pair_folder.h"
#include "whence/clip/search.h"
#include "whence/core/file.h"

namespace whence::clip {
namespace {

using Path = std::filesystem::path;
using store::Kind;

// Pictures of one colour each, in a folder with another in it, and one file that is none.
class Photos {
  public:
    explicit Photos(int count) {
        std::string name =
            (std::filesystem::temp_directory_path() / "whence-photos-XXXXXX").string();
        root_ = ::mkdtemp(name.data());
        std::filesystem::create_directories(root_ / "in/deep");
        for (int i = 0; i < count; ++i) paint(i, i);
    }
    ~Photos() { std::filesystem::remove_all(root_); }
    Photos(const Photos&) = delete;
    Photos& operator=(const Photos&) = delete;

    [[nodiscard]] Path file(int number) const {
        return root_ / "in" / (number % 2 ? "deep" : "") / ("p" + std::to_string(number) + ".png");
    }
    /// Noise, another one for each seed.
    [[nodiscard]] static data::Image picture(int seed) {
        data::Image image{.height = 12, .width = 16, .channels = 3, .pixels = {}};
        uint32_t state = static_cast<uint32_t>(seed) * 2654435761u + 12345u;
        for (int64_t i = 0; i < 12 * 16 * 3; ++i) {
            state = state * 1664525u + 1013904223u;
            image.pixels.push_back(static_cast<uint8_t>(state >> 24));
        }
        return image;
    }
    void paint(int number, int seed) const {
        write_file(file(number), data::encode_png(picture(seed)));
    }
    [[nodiscard]] Path in() const { return root_ / "in"; }
    [[nodiscard]] Path store() const { return root_ / "store"; }
    [[nodiscard]] Path other(const std::string& name) const { return root_ / name; }

  private:
    Path root_;
};

const Pair& pair() {
    static const test::PairFolder folder;
    static const Pair loaded = Pair::load(folder.path());
    return loaded;
}

Indexed index_all(const Photos& photos, const IndexOptions& options = {}, const Run& run = {},
                  std::vector<Caption> captions = {}) {
    return index(pair(), std::vector<Path>{photos.in()}, captions, photos.store(), options, run);
}

Search open(const Photos& photos) {
    return Search(pair(), store::Store(photos.store()));
}

TEST(ClipIndex, PicturesAreFoundByThemselves) {
    const Photos photos(70);
    const Indexed done = index_all(photos);
    EXPECT_EQ(done.added, 70);
    EXPECT_TRUE(done.broken.empty());
    Search search = open(photos);
    for (const int number : {0, 1, 33, 69}) {
        const auto found = search.image(Photos::picture(number), {.k = 3});
        ASSERT_EQ(found.size(), 3u);
        EXPECT_EQ(found.front().item.path, photos.file(number).string());
        EXPECT_NEAR(found.front().score, 1, 1e-5);
        EXPECT_EQ(found.front().item.width, 16);
        EXPECT_EQ(found.front().item.height, 12);
        EXPECT_EQ(found.front().item.hash.size(), 64u);
    }
    // Text to picture: the order is that of the embeddings' products.
    const std::vector<std::string> text{"a dog"};
    const auto found = search.text("a dog", {.k = 70});
    const TextEmbeddings query = pair().embed_texts(text);
    std::vector<double> scores;
    for (int number = 0; number < 70; ++number) {
        const std::vector<data::Image> one{Photos::picture(number)};
        const ImageEmbeddings image = pair().embed_images(one);
        double sum = 0;
        for (int64_t j = 0; j < pair().width(); ++j)
            sum += double{query.values.as<float>()[static_cast<size_t>(j)]} *
                   image.values.as<float>()[static_cast<size_t>(j)];
        scores.push_back(sum);
    }
    std::ranges::sort(scores, std::greater());
    ASSERT_EQ(found.size(), 70u);
    for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(found[i].score, scores[i], 1e-5);
}

TEST(ClipIndex, OnlyWhatChangedIsEmbeddedAgain) {
    const Photos photos(6);
    EXPECT_EQ(index_all(photos).added, 6);
    EXPECT_EQ(index_all(photos).unchanged, 6);
    photos.paint(2, 2);  // the same bytes at another time
    std::filesystem::last_write_time(
        photos.file(2), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    photos.paint(3, 99);
    std::filesystem::last_write_time(
        photos.file(3), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    photos.paint(6, 6);
    const Indexed again = index_all(photos);
    EXPECT_EQ(again.unchanged, 5);
    EXPECT_EQ(again.replaced, 1);
    EXPECT_EQ(again.added, 1);
    Search search = open(photos);
    EXPECT_EQ(search.image(Photos::picture(99)).front().item.path, photos.file(3).string());
    EXPECT_LT(search.image(Photos::picture(3)).front().score, 0.99999);
}

TEST(ClipIndex, WhatIsGoneIsRemovedOnRequest) {
    const Photos photos(5);
    const std::vector<Caption> captions{
        {photos.file(1), "one"}, {photos.file(2), "two"}, {"", "alone"}};
    EXPECT_EQ(index_all(photos, {}, {}, captions).captions_added, 3);
    std::filesystem::remove(photos.file(1));
    EXPECT_EQ(index_all(photos).removed, 0);
    EXPECT_EQ(open(photos).store().counts(Kind::image).items, 5);
    const Indexed pruned = index_all(photos, {.prune = true});
    EXPECT_EQ(pruned.removed, 1);
    EXPECT_EQ(pruned.captions_removed, 1) << "that of the picture";
    EXPECT_EQ(open(photos).store().counts(Kind::image).items, 4);
    EXPECT_EQ(open(photos).store().counts(Kind::text).items, 2);
    const Indexed fewer = index_all(photos, {.prune = true}, {}, {{"", "alone"}});
    EXPECT_EQ(fewer.captions_unchanged, 1);
    EXPECT_EQ(fewer.captions_removed, 1);
    // Another folder's pictures are none of this one's business.
    const Photos others(2);
    (void)index(pair(), std::vector<Path>{others.in()}, {}, photos.store(), {.prune = true});
    EXPECT_EQ(open(photos).store().counts(Kind::image).items, 6);
}

TEST(ClipIndex, BrokenPicturesArePassedOver) {
    const Photos photos(3);
    write_file(photos.in() / "broken.jpg", "no picture at all");
    write_file(photos.in() / "empty.png", "");
    write_file(photos.in() / "notes.txt", "dear diary");
    const std::string whole = read_text(photos.file(0));
    write_file(photos.in() / "cut.PNG", whole.substr(0, whole.size() / 2));
    const Indexed done = index_all(photos);
    EXPECT_EQ(done.added, 3);
    ASSERT_EQ(done.broken.size(), 3u);
    EXPECT_NE(done.broken.front().find("broken.jpg"), std::string::npos);
    EXPECT_EQ(open(photos).store().counts(Kind::image).items, 3);
    EXPECT_EQ(index_all(photos).broken.size(), 3u) << "and told again";
}

TEST(ClipIndex, StoppedItKeepsWhatIsDone) {
    const Photos photos(200);
    std::stop_source stop;
    whence::Run run{.stop = stop.get_token()};
    run.progress = [&](std::string_view, int64_t done, int64_t) {
        if (done >= 60) stop.request_stop();
    };
    EXPECT_FALSE(
        message_of(ErrorKind::interrupted, [&] { (void)index_all(photos, {}, run); }).empty());
    const int64_t kept = open(photos).store().counts(Kind::image).items;
    EXPECT_GE(kept, 60);
    EXPECT_LT(kept, 200);
    const Indexed rest = index_all(photos);
    EXPECT_EQ(rest.unchanged, kept);
    EXPECT_EQ(rest.added, 200 - kept);
}

TEST(ClipIndex, CaptionsOfFiles) {
    const Photos photos(1);
    write_file(photos.other("c.csv"),
               "path,caption\nin/p0.png,\"a dog, running\"\n,alone\nin/x.png,\n");
    write_file(photos.other("c.txt"), "first\r\n\nzweite Zeile \xc3\xa4\n");
    write_file(photos.other("bad.csv"), "a,b\n1,2\n");
    const auto table = read_captions(photos.other("c.csv"));
    ASSERT_EQ(table.size(), 2u);
    EXPECT_EQ(table[0].picture, photos.file(0));
    EXPECT_EQ(table[0].text, "a dog, running");
    EXPECT_TRUE(table[1].picture.empty());
    const auto lines = read_captions(photos.other("c.txt"));
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].text, "first");
    EXPECT_EQ(lines[1].text, "zweite Zeile \xc3\xa4");
    EXPECT_NE(message_of(ErrorKind::input, [&] { (void)read_captions(photos.other("bad.csv")); })
                  .find("no column \"caption\""),
              std::string::npos);
    (void)index_all(photos, {}, {}, table);
    const auto found = open(photos).text("a dog, running", {.kind = Kind::text});
    EXPECT_EQ(found.front().item.caption, "a dog, running");
    EXPECT_EQ(found.front().item.path, photos.file(0).string());
    EXPECT_NEAR(found.front().score, 1, 1e-5);
}

TEST(ClipIndex, RemovesPicturesAndFolders) {
    const Photos photos(6);
    (void)index_all(photos, {}, {}, {{photos.file(1), "one"}});
    store::Writer writer(photos.store());
    std::vector<Path> missing;
    EXPECT_EQ(
        remove_pictures(writer, std::vector<Path>{photos.file(0), photos.other("x.png")}, missing),
        1);
    EXPECT_EQ(missing, std::vector<Path>{photos.other("x.png")});
    EXPECT_EQ(remove_pictures(writer, std::vector<Path>{photos.in() / "deep"}, missing), 4)
        << "three pictures and a caption";
    EXPECT_EQ(writer.counts(Kind::image).items, 2);
}

TEST(ClipIndex, AStoreOfAnotherModelIsRefused) {
    const Photos photos(1);
    {
        const store::Writer other(photos.store(),
                                  {.fingerprint = "f", .model = "m", .width = pair().width()});
    }
    EXPECT_NE(message_of(ErrorKind::usage, [&] { (void)index_all(photos); }).find("another model"),
              std::string::npos);
    EXPECT_NE(message_of(ErrorKind::usage, [&] { open(photos); }).find("another model"),
              std::string::npos);
    const Path nowhere = photos.other("nowhere");
    EXPECT_NE(
        message_of(ErrorKind::io,
                   [&] { (void)index(pair(), std::vector<Path>{nowhere}, {}, photos.other("s2")); })
            .find("nowhere"),
        std::string::npos);
}

}  // namespace
}  // namespace whence::clip
