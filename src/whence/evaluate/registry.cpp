#include "whence/evaluate/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/recipe/closest.h"

namespace whence::evaluate {
namespace {

std::vector<MetricSpec> make_registry() {
    std::vector<MetricSpec> all;
    for (const auto part : {faithfulness_rows, value_rows, localisation_rows, consistency_rows,
                            robustness_rows, randomisation_rows, fairness_rows})
        std::ranges::move(part(), std::back_inserter(all));
    // In the order of the table of metrics, which is by category.
    const auto place = [](const MetricSpec& spec) {
        return &metrics::facts(spec.name) - metrics::table().data();
    };
    std::ranges::stable_sort(all, {}, place);
    return all;
}

std::vector<std::string> categories() {
    std::vector<std::string> out;
    for (const metrics::Facts& row : metrics::table())
        if (std::string name(metrics::name(row.category)); out.empty() || out.back() != name)
            out.push_back(std::move(name));
    return out;
}

bool of_category(const MetricSpec& spec, std::string_view category) {
    return metrics::name(metrics::facts(spec.name).category) == category;
}

bool by_default(const MetricSpec& spec, std::string_view modality) {
    return spec.by_default == Default::always ||
           (spec.by_default == Default::texts && modality == "text");
}

std::string range_text(const metrics::Facts& facts) {
    const auto end = [](double value) {
        return std::isfinite(value) ? fmt::format("{:g}", value)
                                    : std::string(value > 0 ? "inf" : "-inf");
    };
    return fmt::format("{} to {}", end(facts.low), end(facts.high));
}

std::string needs_text(const MetricSpec& spec, const metrics::Facts& facts) {
    std::string out;
    const auto add = [&](bool needed, std::string_view what) {
        if (needed) out += (out.empty() ? "" : ", ") + std::string(what);
    };
    add(facts.needs.model, "the model");
    add(facts.needs.mask, "object masks");
    add(facts.needs.labels, "labels");
    add(facts.needs.models, "several models");
    add(facts.needs.groups, "protected columns");
    add(spec.asks_method, "the method itself");
    return out.empty() ? "explanations alone" : out;
}

std::string default_text(const Option& option) {
    if (const auto* flag = std::get_if<bool>(&option.value)) return *flag ? "yes" : "no";
    return std::visit([](const auto& value) { return fmt::format("{}", value); }, option.value);
}

}  // namespace

const std::vector<MetricSpec>& registry() {
    static const std::vector<MetricSpec> all = make_registry();
    return all;
}

const MetricSpec& find_metric(std::string_view name) {
    std::vector<std::string> names;
    for (const MetricSpec& spec : registry()) {
        if (spec.name == name) return spec;
        names.emplace_back(spec.name);
    }
    std::ranges::move(categories(), std::back_inserter(names));
    throw Error(ErrorKind::usage, "no metric '" + printable(name) + "'" +
                                      recipe::did_you_mean(name, names) +
                                      "; whence evaluate --list shows them");
}

std::vector<ChosenMetric> choose_metrics(std::span<const std::string> names,
                                         std::string_view modality) {
    const std::vector<std::string> groups = categories();
    std::vector<ChosenMetric> out;
    std::vector<const MetricSpec*> named, in_groups;
    for (const std::string& name : names) {
        // A metric may be called as its category: then the one is meant, alone in it or not.
        const bool group = name == "all" || std::ranges::find(groups, name) != groups.end();
        const bool metric = std::ranges::find(registry(), name, &MetricSpec::name) != registry().end();
        if (metric || !group) named.push_back(&find_metric(name));
        if (group)
            for (const MetricSpec& spec : registry())
                if (name == "all" || of_category(spec, name)) in_groups.push_back(&spec);
    }
    for (const MetricSpec& spec : registry()) {
        const bool is_named = std::ranges::find(named, &spec) != named.end();
        if (is_named || std::ranges::find(in_groups, &spec) != in_groups.end() ||
            (names.empty() && by_default(spec, modality)))
            out.push_back({&spec, is_named});
    }
    return out;
}

std::string describe_metrics(std::string_view only) {
    const std::vector<std::string> groups = categories();
    if (!only.empty() && std::ranges::find(groups, only) == groups.end())
        static_cast<void>(find_metric(only));
    std::string out;
    for (const MetricSpec& spec : registry()) {
        const metrics::Facts& facts = metrics::facts(spec.name);
        if (!only.empty() && only != spec.name && !of_category(spec, only)) continue;
        out += fmt::format("{}\n    {}, {} is better, {}; needs {}\n    source: {}\n"
                           "    assumes: {}\n    cannot tell: {}\n",
                           spec.name, metrics::name(facts.category), metrics::name(facts.better),
                           range_text(facts), needs_text(spec, facts), facts.source, facts.assumes,
                           facts.cannot_tell);
        for (const recipe::OptionSpec& option : spec.options)
            out += fmt::format("      --set {}.{}=...  {} (default {})\n", spec.name,
                               option.option.name, option.help, default_text(option.option));
    }
    return out;
}

}  // namespace whence::evaluate
