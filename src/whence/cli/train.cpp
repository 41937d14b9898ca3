// whence train: a small network for a set of labelled pictures.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "command.h"
#include "outputs.h"
#include "progress.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/training/training.h"

namespace whence::cli {
namespace {

struct Options {
    std::string data, output, architecture = "dense";
    training::Options training;
    uint64_t seed = 0;
};

std::vector<int64_t> all_rows(const data::LabelledImages& images) {
    std::vector<int64_t> rows(images.count());
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

// What explain needs to know of the model's pictures.
std::string preprocessing(const data::LabelledImages& images) {
    const nlohmann::ordered_json json = {{"kind", "image"},
                                         {"size", {images.height, images.width}},
                                         {"channels", images.channels == 1 ? "gray" : "rgb"},
                                         {"layout", "nhwc"},
                                         {"classes", images.classes}};
    // Names of classes come from a file.
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int train(const Options& options, const Context& context) {
    if (!options.output.ends_with(".onnx"))
        throw Error(ErrorKind::usage, "-o " + printable(options.output, 400) + ": the file must end in .onnx");
    const std::string beside = std::filesystem::path(options.output).replace_extension(".json").string();
    check_places({options.output, beside}, {});
    training::Options chosen = options.training;
    chosen.architecture = training::architecture_of(options.architecture);
    const data::ImageSet set = data::read_image_set(options.data);
    if (!set.note.empty()) context.note(printable(options.data, 400) + ": " + set.note);
    Run run = context.run;
    run.seed = options.seed;
    const std::vector<int64_t> rows = all_rows(set.train), test = all_rows(set.test);
    const auto tell = [&](const training::Epoch& epoch) {
        const double right = training::accuracy(epoch.state.model({.threads = 1}), set.test, test, context.run);
        clear_progress();
        fmt::print("epoch {}  loss {:.4f}  test accuracy {:.4f}\n", epoch.number, epoch.loss, right);
        std::fflush(stdout);
    };
    const training::ModelState state = training::train(set.train, rows, chosen, run, tell);
    write_file(options.output, state.onnx());
    write_file(beside, preprocessing(set.train));
    return 0;
}

}  // namespace

void add_train(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("train", "a small network for a set of labelled pictures");
    const auto o = std::make_shared<Options>();
    command->add_option("data", o->data, "folder of MNIST, Fashion-MNIST (idx files) or CIFAR-10 (binary version, or sheets)")
        ->required()
        ->type_name("FOLDER");
    command->add_option("--architecture", o->architecture, "dense (one hidden layer, default) or cnn (two convolutions)")
        ->type_name("A");
    command->add_option("--hidden", o->training.hidden, "dense: neurons of the hidden layer (default 50)")->type_name("N");
    command->add_option("--epochs", o->training.epochs, "passes over the training pictures (default 5)")->type_name("N");
    command->add_option("--batch", o->training.batch, "pictures per step (default 64)")->type_name("N");
    command->add_option("--learning-rate", o->training.learning_rate, "of Adam (default 0.001)")->type_name("X");
    command->add_option("--seed", o->seed, "of the first weights and the order of pictures (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command->add_option("-o,--output", o->output, "the .onnx file to write; what explain needs goes beside it, as .json")
        ->required()
        ->type_name("FILE");
    command->footer("\n  whence train mnist -o digits.onnx\n  whence explain digits.onnx digit.png");
    command->callback([o, &context] { context.command = [o, &context] { return train(*o, context); }; });
}

}  // namespace whence::cli
