#include "whence/core/model.h"

#include "whence/core/error.h"

namespace whence {

std::string_view name(Rules rules) {
    switch (rules) {
        case Rules::gradient: return "gradient";
        case Rules::guided: return "guided";
        case Rules::deconvolution: return "deconvolution";
        case Rules::deep_lift: return "deep-lift";
    }
    return "?";
}

Split DifferentiableModel::split(const std::string&) const {
    throw Error(ErrorKind::unsupported, "this model has no layers to explain: it is no graph");
}

}  // namespace whence
