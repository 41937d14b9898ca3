#include "subject_options.h"

#include <fmt/format.h>

#include "whence/core/error.h"

namespace whence::cli {
namespace {

// A list of other length than the classes gives them wrong names: many models count a "background".
void compare_counts(const recipe::Subject& subject, const Context& context) {
    const auto names = static_cast<int64_t>(subject.classes().size());
    for (const TensorInfo& output : subject.model().outputs())
        if (names > 0 && output.shape.size() == 2 && output.shape[1] > 1 &&
            output.shape[1] != names)
            context.note(fmt::format(
                "there are {} class names, but output '{}' has {} classes: the names may be wrong",
                names, printable(output.name), output.shape[1]));
}

}  // namespace

void SubjectOptions::declare(CLI::App& command) {
    command.add_option("MODEL", model, "an ONNX file, a tree ensemble (XGBoost, LightGBM, CatBoost), or the URL of a model behind an endpoint (http://HOST:PORT/v2/models/NAME)")
        ->required()
        ->type_name("");
    command
        .add_option("--preprocess", preprocess,
                    "imagenet, unit, tf, caffe, raw255, mnist, a JSON file, or none; default: "
                    "MODEL.json beside the model")
        ->type_name("P");
    command.add_option("--labels", labels, "file with the class names, one on each line")
        ->type_name("FILE");
    declare_endpoint(command, endpoint);
}

void SubjectOptions::declare_endpoint(CLI::App& command, std::vector<std::string>& endpoint) {
    command
        .add_option("--endpoint", endpoint,
                    "how an endpoint is asked: timeout=60, batch=64, retries=5, scale=probability "
                    "and more (docs/remote.md); may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void SubjectOptions::declare_background(CLI::App& command) {
    command.add_option("--background", background, "CSV of training rows, for tables")
        ->type_name("FILE");
}

recipe::Subject SubjectOptions::open(const Context& context) const {
    recipe::Subject subject = recipe::Subject::load(model, preprocess, 0, context.run,
                                                    remote::parse_options(endpoint));
    if (!labels.empty()) subject.use_labels(labels);
    if (!background.empty()) subject.use_background(background);
    compare_counts(subject, context);
    return subject;
}

}  // namespace whence::cli
