#include "whence/recipe/counterfactual_options.h"

#include <algorithm>
#include <iterator>

#include "whence/core/error.h"

namespace whence::recipe {

Wanted wanted_of(const Task& task) {
    return Wanted::parse(task.options.get<std::string>("wanted"), task.subject.classes());
}

void need_row(const Task& task, const char* method) {
    if (!task.input.is_table())
        throw Error(ErrorKind::usage, std::string(method) +
                                          " explains rows of tables, and this input is none; for "
                                          "pictures and texts there is sedc");
}

Constraints constraints_of(const Task& task, const Tensor& rows) {
    const OptionValues& o = task.options;
    const Schema& schema = task.input.schema;
    Constraints out =
        Constraints::parse(o.get<std::string>("fixed"), o.get<std::string>("increasing"),
                           o.get<std::string>("decreasing"), o.get<std::string>("ranges"), schema);
    const auto& one_hot = o.get<std::string>("one-hot");
    using Blocks = std::vector<std::vector<std::string>>;
    if (one_hot == "auto" && rows.rows() > 0)
        out.one_hot = *task.subject.kept<Blocks>("one-hot", schema, [&] {
            return std::make_shared<const Blocks>(find_one_hot(schema, rows));
        });
    else if (one_hot == "auto")
        out.one_hot = find_one_hot(schema, rows);
    else if (one_hot != "none")
        out.one_hot = parse_one_hot(one_hot, schema);
    return out;
}

std::vector<OptionSpec> with_common(std::vector<OptionSpec> own) {
    std::vector<OptionSpec> all = {
        {{"wanted", std::string("other")},
         "the answer looked for: other (than the model's), a class, or a range as in >=3.5, <=2, "
         "2..3"},
        {{"fixed", std::string()}, "columns that may not change, parted by commas"},
        {{"increasing", std::string()}, "columns that may only grow"},
        {{"decreasing", std::string()}, "columns that may only fall"},
        {{"ranges", std::string()},
         "allowed values, as in age=18:65,income=0:,job=clerk|cook; else those of the background"},
        {{"one-hot", std::string("auto")},
         "columns that are one category: a+b+c,d+e; auto finds them in the background; none"}};
    std::ranges::move(own, std::back_inserter(all));
    return all;
}

}  // namespace whence::recipe
