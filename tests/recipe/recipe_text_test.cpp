// Texts through a real network: averaged embeddings, film reviews (skipped where the data is missing).

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "recipe/support.h"
#include "whence/core/explanation_json.h"
#include "whence/recipe/predict.h"
#include "whence/recipe/text.h"
#include "whence/shapley/hierarchy.h"

namespace whence::recipe {
namespace {

const std::filesystem::path folder = std::filesystem::path(WHENCE_SHARED_DIR) / "data/text";
const std::string review =
    "An excellent film; wonderful actors and a great, great story. The worst thing about it is that it was over too soon.";

data::Preprocessing preprocessing() {
    data::Preprocessing out{.kind = data::InputKind::text, .classes = {"negative", "positive"}};
    out.text.vocabulary = folder / "vocab.txt";
    out.text.words = "[a-z0-9']+";
    out.text.start = "<START>";
    out.text.unknown = "<UNKNOWN>";
    out.text.pad = "<PAD>";
    return out;
}

class RecipeText : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(folder / "sentiment_avgemb_imdb.onnx")) GTEST_SKIP() << "no " << folder;
        if (!subject_) subject_ = std::make_unique<Subject>(Subject::load(folder / "sentiment_avgemb_imdb.onnx", preprocessing()));
    }
    static double positive(const std::string& text) {
        return scores_of(*subject_, predict(*subject_, from_text(*subject_, text), {})).values[1];
    }
    static double value_of(const Explanation& e, const std::string& word) {
        const auto& names = e.attribution.names;
        const auto at = std::ranges::find(names, word) - names.begin();
        return e.attribution.values.to_doubles().at(at);
    }
    static std::unique_ptr<Subject> subject_;
};
std::unique_ptr<Subject> RecipeText::subject_;

TEST_F(RecipeText, PredictsWhatTheWordsSay) {
    EXPECT_GT(positive(review), 0.5);
    EXPECT_LT(positive("the worst film, awful and boring; a terrible waste"), 0.5);
}

TEST_F(RecipeText, LimeAndOcclusionFindTheWordsThatCarryIt) {
    const Input input = from_text(*subject_, review);
    for (const char* method : {"lime", "occlusion"}) {
        const Explanation e = explain(*subject_, input, {.method = method, .target = "positive", .scale = Scale::probability}, {});
        EXPECT_GT(value_of(e, "excellent"), 0) << method;
        EXPECT_GT(value_of(e, "great"), 0) << method;
        EXPECT_LT(value_of(e, "worst"), 0) << method;
        ASSERT_TRUE(e.attribution.text) << method;
        EXPECT_EQ(e.attribution.text->text, review);
        int64_t great = 0;
        for (const ExplainedText::Part& part : e.attribution.text->parts) {
            EXPECT_EQ(review.substr(part.begin, part.end - part.begin), e.attribution.names[part.feature]);
            great += e.attribution.names[part.feature] == "great";
        }
        EXPECT_EQ(great, 2) << "one word, two places";
    }
}

TEST_F(RecipeText, OcclusionIsTheDifferenceThatAPersonWouldTry) {
    const Input input = from_text(*subject_, review);
    const Explanation e = explain(*subject_, input, {.method = "occlusion", .target = "positive", .scale = Scale::probability}, {});
    std::string without = review;
    without.erase(without.find("excellent"), 9);
    EXPECT_NEAR(value_of(e, "excellent"), positive(review) - positive(without), 1e-6);
    const Explanation tokens = explain(*subject_, input,
                                       {.method = "occlusion", .target = "positive", .scale = Scale::probability, .options = {{"mask-tokens", true}}}, {});
    EXPECT_NE(value_of(tokens, "excellent"), 0);
    EXPECT_NE(tokens.target.baseline, e.target.baseline);
}

TEST_F(RecipeText, IntegratedGradientsStartAtTheEmbeddingsAndAddUp) {
    const Input input = from_text(*subject_, review);
    const Explanation e = explain(*subject_, input, {.method = "integrated-gradients", .target = "positive"}, {});
    double sum = 0;
    for (const double value : e.attribution.values.to_doubles()) sum += value;
    EXPECT_NEAR(sum, e.target.value - *e.target.baseline_value, 0.02 * std::abs(e.target.value - *e.target.baseline_value));
    EXPECT_EQ(e.target.baseline, "padding");
    EXPECT_GT(value_of(e, "excellent"), 0);
    EXPECT_LT(value_of(e, "worst"), 0);
    ASSERT_TRUE(e.attribution.text);
    for (const ExplainedText::Part& part : e.attribution.text->parts)
        EXPECT_EQ(review.substr(part.begin, part.end - part.begin), e.attribution.names[part.feature]);
}

TEST_F(RecipeText, ASavedExplanationIsMadeAgainFromItsText) {
    const Input input = from_text(*subject_, review);
    for (const char* method : {"lime", "integrated-gradients", "occlusion", "kernel-shap", "partition-shap", "anchors", "sedc"}) {
        const Explanation e = explanation_from_json(to_json(explain(*subject_, input, {.method = method, .seed = 3}, {})));
        const Replay again = replay(e, {});
        EXPECT_TRUE(again.differences.empty()) << method << ": " << again.differences[0];
        Explanation other = e;
        other.attribution.text->text += " excellent";
        EXPECT_FALSE(replay(other, {}).differences.empty()) << "the comparison can fail";
    }
}

TEST_F(RecipeText, ShapleyValuesOfWords) {
    const Input input = from_text(*subject_, review);
    for (const char* method : {"kernel-shap", "permutation-shap", "sampling-shap", "partition-shap"}) {
        const Explanation e = explain(*subject_, input, {.method = method, .target = "positive"}, {});
        EXPECT_GT(value_of(e, "excellent"), 0) << method;
        EXPECT_LT(value_of(e, "worst"), 0) << method;
        double sum = 0;
        for (const double value : e.attribution.values.to_doubles()) sum += value;
        EXPECT_NEAR(sum, e.target.value - *e.target.baseline_value, 1e-6) << method;
        EXPECT_NEAR(*e.target.baseline_value, positive(",  .     ,  .           ."), 1e-6) << "words left out, the rest stays";
        EXPECT_EQ(e.target.baseline, "words left out");
        ASSERT_TRUE(e.attribution.text) << method;
    }
    const std::string few = "An excellent film, not a dull one";
    const Input small = from_text(*subject_, few);
    const Explanation exact = explain(*subject_, small, {.method = "exact-shap", .target = "positive"}, {});
    const Explanation pairs = explain(*subject_, small, {.method = "shap-interactions", .target = "positive"}, {});
    for (size_t i = 0; i < exact.attribution.names.size(); ++i)
        EXPECT_NEAR(exact.attribution.values.to_doubles()[i], pairs.attribution.values.to_doubles()[i], 1e-9);
    EXPECT_EQ(pairs.interactions->values.shape(), (Shape{7, 7}));
    EXPECT_GT(value_of(explain(*subject_, small, {.method = "banzhaf", .target = "positive"}, {}), "excellent"), 0);
}

TEST_F(RecipeText, AnAnchorKeepsWordsAndARemovalTakesThem) {
    const std::string text = "the worst film, awful and boring; a terrible waste";
    const Input input = from_text(*subject_, text);
    const Explanation anchor = explain(*subject_, input, {.method = "anchors"}, {});
    ASSERT_TRUE(anchor.rule);
    EXPECT_GT(anchor.rule->precision, 0.9);
    EXPECT_EQ(anchor.target.baseline, "'UNK' for each word");
    const Explanation sedc = explain(*subject_, from_text(*subject_, review), {.method = "sedc"}, {});
    const Counterfactual& found = sedc.counterfactuals->found.at(0);
    ASSERT_TRUE(found.valid);
    const std::string without = found.values.as<std::string>()[0];
    EXPECT_LT(positive(without), 0.5) << without;
    EXPECT_EQ(found.label, "negative");
    const Explanation tokens = explain(*subject_, from_text(*subject_, review), {.method = "sedc", .options = {{"mask-tokens", true}}}, {});
    EXPECT_EQ(tokens.counterfactuals->found.at(0).values.type(), ElementType::int64);
    EXPECT_EQ(explanation_from_json(to_json(tokens)).counterfactuals->found[0].values, tokens.counterfactuals->found[0].values);
}

TEST_F(RecipeText, SaysWhatIsWrong) {
    const Input input = from_text(*subject_, review);
    EXPECT_TRUE(test::contains(message_of(ErrorKind::usage, [&] {
        (void)explain(*subject_, input, {.method = "lime", .options = {{"mask-string", std::string("X")}}}, {});
    }), "--bow false"));
    EXPECT_TRUE(test::contains(message_of(ErrorKind::usage, [&] {
        (void)explain(*subject_, input, {.method = "kernel-shap", .options = {{"groups", std::string("a, b")}}}, {});
    }), "columns of a table"));
    EXPECT_TRUE(test::contains(message_of(ErrorKind::usage, [&] { (void)explain(*subject_, input, {.method = "wachter"}, {}); }), "sedc"));
    EXPECT_TRUE(test::contains(message_of(ErrorKind::usage, [&] {
        (void)explain(*subject_, input, {.method = "kernel-shap", .baseline = "zeros"}, {});
    }), "--bow"));
    (void)message_of(ErrorKind::input, [&] { (void)from_text(*subject_, "caf\xe9"); });
    (void)message_of(ErrorKind::input, [&] { (void)explain(*subject_, from_text(*subject_, "?!"), {.method = "lime"}, {}); });
    const Subject plain = Subject::load(folder / "sentiment_avgemb_imdb.onnx", "none");
    (void)message_of(ErrorKind::usage, [&] { (void)from_text(plain, review); });
    data::Preprocessing other = preprocessing();
    other.text.sha256 = "0";
    EXPECT_TRUE(test::contains(message_of(ErrorKind::input, [&] { (void)Subject::load(folder / "sentiment_avgemb_imdb.onnx", other); }), "SHA-256"));
}

TEST_F(RecipeText, AnEmptyTextIsAnsweredAndNotExplained) {
    EXPECT_TRUE(std::isfinite(positive("")));
    (void)message_of(ErrorKind::input, [&] { (void)explain(*subject_, from_text(*subject_, ""), {.method = "occlusion"}, {}); });
}

// Leaves under each merge, as text.
std::string shape_of(const Hierarchy& tree, const std::vector<std::string>& names) {
    std::vector<std::string> nodes = names;
    for (const auto& [left, right] : tree.merges) nodes.push_back("(" + nodes[left] + " " + nodes[right] + ")");
    return nodes.back();
}

TEST(WordHierarchy, JoinsWhatIsPartedByLess) {
    const auto of = [](const std::string& text, bool bow = false) {
        const text::Words words = text::split_words(text, {.bow = bow});
        return shape_of(word_hierarchy(words), words.names);
    };
    EXPECT_EQ(of("one"), "one");
    EXPECT_EQ(of("a b c d"), "((a b) (c d))");
    EXPECT_EQ(of("a b c, d"), "(((a b) c) d)");
    EXPECT_EQ(of("a. b, c d e"), "(a (b ((c d) e)))");
    EXPECT_EQ(of("a. b\n\nc. d, e"), "((a b) (c (d e)))");
    EXPECT_EQ(of("a, b. a c. d", true), "((a b) (c d))") << "a word belongs to its first place";
}

}  // namespace
}  // namespace whence::recipe
