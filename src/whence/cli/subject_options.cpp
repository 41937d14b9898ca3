#include "subject_options.h"

namespace whence::cli {

void SubjectOptions::declare(CLI::App& command) {
    command.add_option("MODEL", model, "an ONNX file")->required()->type_name("");
    command.add_option("--preprocess", preprocess,
                       "imagenet, unit, tf, caffe, raw255, mnist, a JSON file, or none; default: MODEL.json beside the model")
        ->type_name("P");
    command.add_option("--labels", labels, "file with the class names, one on each line")->type_name("FILE");
}

void SubjectOptions::declare_background(CLI::App& command) {
    command.add_option("--background", background, "CSV of training rows, for tables")->type_name("FILE");
}

recipe::Subject SubjectOptions::open(const Context& context) const {
    recipe::Subject subject = recipe::Subject::load(model, preprocess, 0, context.run);
    if (!labels.empty()) subject.use_labels(labels);
    if (!background.empty()) subject.use_background(background);
    return subject;
}

}  // namespace whence::cli
