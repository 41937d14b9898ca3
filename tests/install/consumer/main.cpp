#include <whence/whence.h>

#include <cstdio>

int main(int, char** argv) {
    const auto subject = whence::recipe::Subject::load(argv[1]);
    const auto input = whence::recipe::read_input(subject, argv[2], 17);
    const auto why =
        whence::recipe::explain(subject, input, {.method = "integrated-gradients"}, {});
    const auto values = why.attribution.values.to_doubles();
    for (size_t i = 0; i < values.size(); ++i)
        std::printf("%s: %g\n", why.attribution.names[i].c_str(), values[i]);
    std::printf("error: %g\n", *why.diagnostics.attribution_error);
}
