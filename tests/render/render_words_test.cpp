#include "whence/render/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "render/examples.h"
#include "whence/core/error.h"
#include "whence/render/number.h"
#include "whence/render/phrases.h"

namespace whence::render {
namespace {

constexpr Language languages[] = {Language::english, Language::russian, Language::chinese};

Explanation rule_example() {
    Explanation e = test::table_example();
    e.attribution = {};
    e.target.baseline_value.reset();
    e.diagnostics = {};
    e.rule = Rule{.conditions = {{0, "worst radius > 16.8"}, {1, "texture <= 19.2"}},
                  .precision = 0.97,
                  .precision_low = 0.951,
                  .precision_high = 0.983,
                  .coverage = 0.21};
    return e;
}

Explanation counterfactual_example(bool valid) {
    Explanation e = rule_example();
    e.rule.reset();
    e.counterfactuals = Counterfactuals{
        .wanted = "benign",
        .found = {{.changes = {{0, "radius", "17.99", "12.5"}}, .prediction = 0.2, .valid = valid}}};
    return e;
}

std::vector<Explanation> examples() {
    Explanation lime = test::segment_example(4, 4);
    lime.diagnostics.surrogate_r2 = 0.83;
    lime.attribution.standard_errors = {0.2, 0.01};
    lime.diagnostics.converged = false;
    return {test::table_example(), test::pixel_example(4, 6), lime, rule_example(),
            counterfactual_example(true), counterfactual_example(false)};
}

// Every number in a text, as it stands there.
std::vector<std::string> numbers_in(const std::string& text) {
    static const std::regex pattern("[0-9]+(\\.[0-9]+)?");
    std::vector<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
        out.push_back(at->str());
    return out;
}

// The numbers that an explanation has, as figures show them.
std::set<std::string> numbers_of(const Explanation& e) {
    std::set<std::string> out;
    const auto add = [&](const std::string& text) {
        for (const std::string& one : numbers_in(text)) out.insert(one);
    };
    const auto add_value = [&](double value) { add(number(std::abs(value))); };
    add_value(e.target.value);
    if (e.target.baseline_value) {
        add_value(*e.target.baseline_value);
        add_value(e.target.value - *e.target.baseline_value);
    }
    for (const double value : e.attribution.values.to_doubles()) add_value(value);
    for (const auto* texts : {&e.attribution.names, &e.attribution.displays})
        for (const std::string& text : *texts) add(text);
    if (e.attribution.segments) add("0 1");  // superpixels have numbers for names
    for (const std::optional<double>& share :
         {e.diagnostics.relative_error, e.diagnostics.surrogate_r2})
        if (share) add(percent(std::abs(*share)));
    if (e.rule) {
        for (const double share : {e.rule->precision, e.rule->precision_low,
                                   e.rule->precision_high, e.rule->coverage})
            add(percent(share));
        for (const Rule::Condition& c : e.rule->conditions) add(c.text);
    }
    if (e.counterfactuals)
        for (const Counterfactual& c : e.counterfactuals->found)
            for (const Counterfactual::Change& change : c.changes) add(change.from + " " + change.to);
    for (int64_t i = 0; i <= e.attribution.values.size(); ++i) out.insert(std::to_string(i));
    return out;
}

bool carried(const std::string& text, const Explanation& e) {
    const std::set<std::string> known = numbers_of(e);
    return std::ranges::all_of(numbers_in(text),
                               [&](const std::string& one) { return known.contains(one); });
}

TEST(Words, EveryNumberIsTheExplanations) {
    for (const Explanation& e : examples()) {
        if (e.provenance.method == "integrated-gradients") continue;  // half_mass: below
        for (const Language language : languages) {
            const std::string text = in_words(e, language);
            EXPECT_TRUE(carried(text, e)) << text;
            EXPECT_FALSE(numbers_in(text).empty());
        }
    }
    // Negative control: the text of one explanation is not carried by another.
    Explanation other = test::table_example();
    other.target.value = 0.123;
    EXPECT_FALSE(carried(in_words(test::table_example()), other));
    EXPECT_NE(in_words(test::pixel_example(4, 6)).find("Half of the total weight lies in 33 %"),
              std::string::npos)
        << in_words(test::pixel_example(4, 6));
}

TEST(Words, AllLanguagesSayTheSameNumbers) {
    for (const Explanation& e : examples()) {
        std::vector<std::string> first = numbers_in(in_words(e, Language::english));
        std::ranges::sort(first);
        for (const Language language : languages) {
            std::vector<std::string> numbers = numbers_in(in_words(e, language));
            std::ranges::sort(numbers);
            EXPECT_EQ(numbers, first) << in_words(e, language);
        }
    }
}

TEST(Words, EveryPhraseHasTheSamePartsInEveryLanguage) {
    const auto parts = [](std::string_view text) {
        std::set<char> out;
        for (size_t i = 0; i + 1 < text.size(); ++i)
            if (text[i] == '{') out.insert(text[i + 1]);
        return out;
    };
    for (size_t i = 0; i < phrase_count; ++i) {
        const auto phrase = static_cast<Phrase>(i);
        for (const Language language : languages) {
            EXPECT_FALSE(wording(phrase, language).empty()) << i;
            EXPECT_EQ(parts(wording(phrase, language)),
                      parts(wording(phrase, Language::english)))
                << i;
        }
    }
}

TEST(Words, ReadWell) {
    EXPECT_EQ(in_words(test::table_example()),
              "The model gives “malignant” a probability of 0.904. For the input it is compared with "
              "(“mean”) it is 0.3; the difference is +0.604. What raises it most: radius = 17.99 "
              "(+0.5); area = 1001 (+0.25); symmetry = 0.24 (+0.05). What lowers it most: texture = "
              "10.38 (−0.2). The values add up to the difference with an error of 0.66 %. This says "
              "what the model used, not what causes what in the world.");
    EXPECT_EQ(in_words(rule_example(), Language::russian),
              "Модель оценивает вероятность «malignant» в 0.904. Если worst radius > 16.8; texture <= "
              "19.2, модель отвечает «malignant» в 97 % случаев (от 95 % до 98 %); условие выполнено в "
              "21 % всех случаев. Это говорит о том, что использовала модель, а не о причинах в "
              "действительности.");
    EXPECT_EQ(in_words(counterfactual_example(true), Language::chinese),
              "模型认为“malignant”的概率为0.904。若作以下改变，答案将是“benign”：radius从17.99变为12.5。"
              "这说明模型用了什么，而不是现实中的因果关系。");
    EXPECT_NE(in_words(counterfactual_example(false)).find("No change was found that gives “benign”."),
              std::string::npos);
}

TEST(Words, WhatIsThereAndWhatIsMissingIsSaidInEachLanguage) {
    Explanation e = rule_example();
    e.rule->conditions = {{0, "'dull' is there"}, {1, "segment 3"}, {2, "age is missing"}, {3, "worst radius > 16.8"}};
    EXPECT_NE(in_words(e).find("If 'dull' is there; segment 3; age is missing; worst radius > 16.8, "), std::string::npos);
    EXPECT_NE(in_words(e, Language::russian)
                  .find("Если 'dull' присутствует; область 3; age отсутствует; worst radius > 16.8, "),
              std::string::npos)
        << in_words(e, Language::russian);
    EXPECT_NE(in_words(e, Language::chinese).find("若有'dull'；区域3；没有age；worst radius > 16.8，"), std::string::npos)
        << in_words(e, Language::chinese);
    Explanation changed = counterfactual_example(true);
    changed.counterfactuals->found[0].changes[0].to = "missing";
    EXPECT_NE(in_words(changed, Language::chinese).find("17.99变为缺失"), std::string::npos);
}

TEST(Words, DegenerateExplanationsAreSaid) {
    for (const test::Degenerate& example : test::degenerate_tables())
        for (const Language language : languages) {
            const std::string text = in_words(example.explanation, language);
            EXPECT_FALSE(text.empty());
            EXPECT_EQ(text.find('\x1b'), std::string::npos) << example.name;
        }
}

TEST(Words, LanguagesByName) {
    for (const Language language : languages) EXPECT_EQ(parse_language(name(language)), language);
    EXPECT_THROW((void)parse_language("de"), Error);
}

}  // namespace
}  // namespace whence::render
