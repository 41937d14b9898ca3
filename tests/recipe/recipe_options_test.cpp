#include "recipe/support.h"

namespace whence::recipe::test {
namespace {

const std::vector<OptionSpec> specs = {{{"flag", false}, ""},
                                       {{"count", int64_t{3}}, ""},
                                       {{"width", 0.5}, ""},
                                       {{"word", std::string("mean")}, ""}};

TEST(OptionValues, HoldsDefaultsAndWhatWasGiven) {
    const OptionValues values(specs, {{"count", int64_t{7}}, {"flag", true}}, "test");
    EXPECT_TRUE(values.get<bool>("flag"));
    EXPECT_EQ(values.get<int64_t>("count"), 7);
    EXPECT_EQ(values.get<double>("width"), 0.5);
    EXPECT_EQ(values.get<std::string>("word"), "mean");
    EXPECT_EQ(values.all().size(), specs.size());
}

TEST(OptionValues, TakesWholeNumbersForNumbersOnly) {
    EXPECT_EQ(OptionValues(specs, {{"width", int64_t{2}}}, "test").get<double>("width"), 2.0);
    const auto wrong = [](const Option& option) {
        return message_of(ErrorKind::usage, [&] { OptionValues(specs, {option}, "test"); });
    };
    EXPECT_TRUE(contains(wrong({"count", 2.5}), "'count' of test must be a whole number"));
    EXPECT_TRUE(contains(wrong({"flag", int64_t{1}}), "true or false"));
    EXPECT_TRUE(contains(wrong({"word", 1.0}), "text"));
}

TEST(OptionValues, NamesTheOptionsThereAre) {
    const std::string why = message_of(ErrorKind::usage, [] {
        OptionValues(specs, {{"cuont", int64_t{1}}}, "test");
    });
    EXPECT_TRUE(contains(why, "cuont")) << why;
    EXPECT_TRUE(contains(why, "flag, count, width, word")) << why;
}

TEST(ParseOption, ReadsTheTypeOfTheDefault) {
    EXPECT_EQ(std::get<bool>(parse_option(specs[0], "true").value), true);
    EXPECT_EQ(std::get<int64_t>(parse_option(specs[1], "-4").value), -4);
    EXPECT_EQ(std::get<double>(parse_option(specs[2], "1e-3").value), 1e-3);
    EXPECT_EQ(std::get<std::string>(parse_option(specs[3], "zeros").value), "zeros");
    for (const auto& [spec, text] : {std::pair{0, "yes"},
                                     {1, "2.5"},
                                     {1, ""},
                                     {1, "99999999999999999999"},
                                     {2, "wide"},
                                     {2, "1,5"}})
        EXPECT_TRUE(
            contains(message_of(ErrorKind::usage,
                                [&] { static_cast<void>(parse_option(specs[spec], text)); }),
                     "--" + specs[spec].option.name));
}

TEST(Methods, EachHasAOneLineSummaryAndOptionsWithHelp) {
    for (const MethodSpec& method : methods()) {
        EXPECT_FALSE(method.summary.empty()) << method.name;
        EXPECT_FALSE(contains(method.summary, "\n")) << method.name;
        EXPECT_EQ(&find_method(method.name), &method);
        for (const OptionSpec& spec : method.options)
            EXPECT_FALSE(spec.help.empty()) << spec.option.name;
    }
}

TEST(Methods, AnOptionOfSeveralMethodsHasOneType) {
    for (const MethodSpec& a : methods())
        for (const MethodSpec& b : methods())
            for (const OptionSpec& x : a.options)
                for (const OptionSpec& y : b.options) {
                    if (x.option.name != y.option.name) continue;
                    EXPECT_EQ(x.option.value.index(), y.option.value.index()) << x.option.name;
                }
}

TEST(Methods, AMisspelledOneGetsASuggestion) {
    const std::string why =
        message_of(ErrorKind::usage, [] { static_cast<void>(find_method("integrated_gradient")); });
    EXPECT_TRUE(contains(why, "did you mean 'integrated-gradients'")) << why;
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage, [] { static_cast<void>(find_method("zzz")); }), "occlusion"));
}

}  // namespace
}  // namespace whence::recipe::test
