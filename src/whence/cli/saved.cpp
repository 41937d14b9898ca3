#include "saved.h"

#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/file.h"

namespace whence::cli {

std::vector<Explanation> read_explanations(const std::string& path) {
    try {
        std::vector<Explanation> all = explanations_from_json(read_text(path));
        if (all.empty()) throw Error(ErrorKind::input, "there is no explanation in this file");
        return all;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io || error.kind() == ErrorKind::limit) throw;
        throw Error(error.kind(), printable(path, 400) + ": " + error.what());
    }
}

}  // namespace whence::cli
