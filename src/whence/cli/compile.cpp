// whence compile: an explanation as one ONNX file.

#include <fmt/format.h>

#include "command.h"
#include "outputs.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/recipe/compile.h"

namespace whence::cli {
namespace {

struct Options {
    SubjectOptions subject;
    std::string method = "integrated-gradients", target = "top", scale = "automatic", baseline, layer,
                output;
    int64_t steps = 50, samples = 25;
    std::string rule = "midpoint";
    double noise = 0.15;
    bool absolute = true;
    uint64_t seed = 0;
};

int compile(const Options& options, const Context& context) {
    if (!options.output.ends_with(".onnx"))
        throw Error(ErrorKind::usage, "-o " + printable(options.output, 400) + ": the file must end in .onnx");
    check_places({options.output}, {options.subject.model, options.subject.background});
    const recipe::Subject subject = options.subject.open(context);
    const recipe::Recipe recipe{.method = options.method,
                                .target = options.target,
                                .scale = parse_scale(options.scale),
                                .baseline = options.baseline,
                                .layer = options.layer,
                                .options = {{"steps", options.steps},
                                            {"rule", options.rule},
                                            {"samples", options.samples},
                                            {"noise", options.noise},
                                            {"absolute", options.absolute}},
                                .seed = options.seed};
    write_file(options.output, recipe::compile_model(subject, recipe, context.run));
    return 0;
}

}  // namespace

void add_compile(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "compile", "an ONNX file that returns the prediction and its attribution, without Whence");
    const auto o = std::make_shared<Options>();
    o->subject.declare(*command);
    o->subject.declare_background(*command);
    command->add_option("-m,--method", o->method,
                        "saliency, input-x-gradient, integrated-gradients (default), smoothgrad, "
                        "grad-cam or layer-cam")
        ->type_name("M");
    command->add_option("-t,--target", o->target, "top (of each row, default), a class, or A-B")->type_name("T");
    command->add_option("--scale", o->scale, "raw, logit, probability or log-probability")->type_name("S");
    command->add_option("-b,--baseline", o->baseline, "zeros (default), model-zeros, value:V, noise or a file: a constant")
        ->type_name("B");
    command->add_option("-l,--layer", o->layer, "explain with the features of this tensor")->type_name("NAME");
    command->add_option("--steps", o->steps, "integrated-gradients: gradients (default 50)")->type_name("N");
    command->add_option("--rule", o->rule, "midpoint (default), gauss-legendre or trapezoid")->type_name("NAME");
    command->add_option("--samples", o->samples, "smoothgrad: noisy copies (default 25)")->type_name("N");
    command->add_option("--noise", o->noise, "smoothgrad: share of max - min (default 0.15)")->type_name("X");
    command->add_flag("--absolute{true},!--no-absolute", o->absolute, "saliency: magnitudes (default yes)");
    command->add_option("--seed", o->seed, "of smoothgrad's noise (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command->add_option("-o,--output", o->output, "the .onnx file to write")->required()->type_name("FILE");
    command->footer(
        "\n  whence compile examples/models/cifar10_cnn.onnx -m integrated-gradients --steps 32 -o "
        "explained.onnx\n"
        "  whence compile resnet50.onnx -m grad-cam -l LAYER --preprocess imagenet -o cam.onnx");
    command->callback([o, &context] { context.command = [o, &context] { return compile(*o, context); }; });
}

}  // namespace whence::cli
