// A table that is read, written and read again is the same table.

#include <cmath>

#include "require.h"
#include "whence/core/error.h"
#include "whence/data/csv.h"

using whence::data::parse_csv;
using whence::data::Table;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    Table table;
    try {
        table = parse_csv(text, "table.csv");
    } catch (const whence::Error&) {
        return 0;
    }
    const Table again = parse_csv(to_csv(table), "again.csv");
    const Table known = parse_csv(text, "table.csv", table.schema);
    require(again.rows() == table.rows() && known.rows() == table.rows());
    require(again.columns.size() == table.columns.size());
    for (size_t i = 0; i < table.columns.size(); ++i) {
        require(again.schema[i].name == table.schema[i].name);
        require(again.schema[i].categories == table.schema[i].categories);
        require(again.schema[i].allows_missing == table.schema[i].allows_missing);
        for (size_t row = 0; row < table.columns[i].size(); ++row) {
            const double value = table.columns[i][row];
            for (const double other : {again.columns[i][row], known.columns[i][row]})
                require(value == other || (std::isnan(value) && std::isnan(other)));
        }
    }
    return 0;
}
