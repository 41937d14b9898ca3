#include "whence/recipe/rows.h"

#include "whence/core/error.h"

namespace whence::recipe {

std::shared_ptr<const RowsExplainer> rows_explainer(const Subject& subject, const Schema& schema,
                                                    const Recipe& recipe,
                                                    const Explanation& example) {
    const MethodSpec& method = find_method(recipe.method);
    if (!method.rows) return nullptr;
    const OptionValues options(method.options, recipe.options, method.name);
    return method.rows({subject, schema, options, example});
}

std::optional<Rows> stream_rows(const Subject& subject, const std::filesystem::path& path) {
    const FileKind kind = kind_of(path);
    if (kind == FileKind::table) {
        Schema schema = subject.table_schema(path);
        auto stream = data::stream_csv(path, schema);
        return Rows{std::move(schema), std::move(stream)};
    }
    if (kind != FileKind::array || !path.string().ends_with(".npy")) return std::nullopt;
    const Shape shape = data::npy_shape(path);
    if (shape.size() != 2) return std::nullopt;
    Schema schema = subject.array_schema(shape[1]);
    if (schema.empty()) return std::nullopt;
    return Rows{std::move(schema), data::stream_npy(path)};
}

}  // namespace whence::recipe
