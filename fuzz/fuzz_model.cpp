// A model that is read survives what is done to it before ONNX Runtime sees it, and being written.

#include <filesystem>

#include "require.h"
#include "whence/core/error.h"
#include "whence/graph/io.h"
#include "whence/graph/passes/passes.h"

using namespace whence;

namespace {

const std::filesystem::path no_folder = "/nonexistent";  // external data are looked for nowhere

graph::Graph written_and_read(const graph::Graph& graph) {
    const std::string bytes = graph::serialize(graph);
    return graph::parse_model(std::as_bytes(std::span(bytes)), no_folder);
}

// A pass may refuse the graph; what it leaves must verify and survive.
void after(graph::Graph graph, void (*pass)(graph::Graph&)) {
    try {
        pass(graph);
    } catch (const Error& error) {
        require(error.kind() != ErrorKind::internal);
        return;
    }
    graph::verify(graph);
    require(written_and_read(graph).nodes.size() == graph.nodes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    graph::Graph graph;
    try {
        graph = graph::parse_model(std::as_bytes(std::span(bytes, size)), no_folder);
    } catch (const Error&) {
        return 0;
    }
    const graph::Graph again = written_and_read(graph);
    require(again.nodes.size() == graph.nodes.size() && again.initializers.size() == graph.initializers.size());
    after(graph, graph::fold_constants);
    after(graph, graph::upgrade_opset);
    after(graph, [](graph::Graph& g) { graph::drop_zipmap(g); });
    after(graph, [](graph::Graph& g) { graph::free_batch_dimension(g); });
    after(graph, [](graph::Graph& g) { graph::fold_batch_normalization(g, {}); });
    after(graph, [](graph::Graph& g) { graph::scores_in(g, g.outputs[0].name, Scale::log_probability); });
    after(graph, [](graph::Graph& g) { graph::add_pixel_transform(g, {}, 4, 5); });
    return 0;
}
