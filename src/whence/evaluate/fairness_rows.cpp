// Protected columns: what explanations give them, and what changing them changes.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/fairness.h"
#include "whence/recipe/names.h"

namespace whence::evaluate {
namespace {

using metrics::Score;
using recipe::OptionSpec;
using recipe::OptionValues;

OptionSpec columns_option() {
    return {{"columns", std::string()}, "the protected columns, by name: sex,race"};
}

// Where the columns of these names stand among the players.
std::vector<int64_t> named(const Case& c, const std::string& names) {
    const std::vector<std::string>& there = c.ground.masker(Players::all).names();
    std::vector<int64_t> out;
    for (const std::string& name : recipe::parse_names(names)) {
        const auto found = std::ranges::find(there, name);
        if (found == there.end())
            throw Error(ErrorKind::usage,
                        fmt::format("the table has no column '{}'", printable(name)));
        out.push_back(found - there.begin());
    }
    return out;
}

std::vector<int64_t> protected_columns(const Case& c, const OptionValues& o) {
    std::vector<int64_t> out = named(c, o.get<std::string>("columns"));
    if (out.empty())
        throw Error(ErrorKind::unsupported,
                    "nobody said which columns are protected: name them with --protected");
    return out;
}

const data::Table& background(const Case& c, const char* what) {
    if (!c.background)
        throw Error(ErrorKind::unsupported,
                    fmt::format("{} needs a background: give the training table", what));
    return *c.background;
}

Score share_of(const Case& c, const std::vector<int64_t>& columns) {
    const std::vector<double> values(c.values.begin(), c.values.end());
    const double share = metrics::attribution_share({&values, 1}, columns)[0];
    if (std::isnan(share)) return {.value = share, .undefined_because = "all values are 0"};
    return {.value = share};
}

Score protected_share(const Case& c, const OptionValues& o, const Run&) {
    return share_of(c, protected_columns(c, o));
}

Score proxy_share(const Case& c, const OptionValues& o, const Run&) {
    const std::vector<int64_t> of = protected_columns(c, o);
    const auto& names = o.get<std::string>("proxies");
    const double threshold = o.get<double>("association");
    std::vector<int64_t> columns = of;
    if (!names.empty()) {
        std::ranges::copy(named(c, names), std::back_inserter(columns));
        return share_of(c, columns);
    }
    const data::Table& table = background(c, "finding proxies");
    const std::string key =
        fmt::format("proxies of {} from {}", o.get<std::string>("columns"), threshold);
    const auto proxies = c.kept_for_all->get<std::vector<metrics::Proxy>>(key, [&] {
        return std::make_shared<const std::vector<metrics::Proxy>>(
            metrics::find_proxies(table.matrix(), table.schema, of, threshold));
    });
    for (const metrics::Proxy& proxy : *proxies) columns.push_back(proxy.column);
    return share_of(c, columns);
}

// The mean over protected columns of the share of their other values that flip the class.
Score flip_rate(const Case& c, const OptionValues& o, const Run& run) {
    const data::Table& table = background(c, "trying other values");
    Score score;
    for (const int64_t column : protected_columns(c, o)) {
        const metrics::FlipTest test =
            metrics::flip_test(c.ground.asked().model(), c.ground.target(), c.ground.row(), column,
                               run, table.columns.at(column));
        score.x.push_back(static_cast<double>(column));
        score.curve.push_back(test.flipped[0]);
    }
    score.value = std::accumulate(score.curve.begin(), score.curve.end(), 0.0) /
                  static_cast<double>(score.curve.size());
    if (std::isnan(score.value))
        score.undefined_because = "the model predicts no class, or a column has one value only";
    return score;
}

}  // namespace

std::vector<MetricSpec> fairness_rows() {
    return {
        {.name = "protected-share",
         .options = {columns_option()},
         .score = protected_share,
         .modalities = {"table"}},
        {.name = "proxy-share",
         .options =
             {columns_option(),
              {{"proxies", std::string()}, "columns that stand in for those; empty: found"},
              {{"association", 0.3},
               "with a protected column in the background, from which on a column is a proxy"}},
         .score = proxy_share,
         .modalities = {"table"}},
        {.name = "flip-rate",
         .options = {columns_option()},
         .score = flip_rate,
         .modalities = {"table"}},
        {.name = "quality-gap",
         .options = {},
         .score = Elsewhere("it compares the values of every other metric between groups of rows: name the "
                            "columns whose groups are meant (--protected)"),
         .modalities = {"table"}},
    };
}

}  // namespace whence::evaluate
