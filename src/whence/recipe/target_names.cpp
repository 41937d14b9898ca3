#include "whence/recipe/target_names.h"

#include "whence/core/error.h"
#include "whence/recipe/closest.h"

namespace whence::recipe {

std::string target_label(const Subject& subject, const ResolvedTarget& target) {
    // One score of two classes speaks for the second.
    if (target.classes == 1 && subject.classes().size() == 2) return subject.label(1);
    const auto known = [&](int64_t index) {
        return index < static_cast<int64_t>(subject.classes().size());
    };
    if (!known(target.index) || (target.minus && !known(*target.minus))) return "";
    return subject.label(target.index) + (target.minus ? " - " + subject.label(*target.minus) : "");
}

Target parse_target(const Subject& subject, const std::string& text) {
    try {
        return Target::parse(text, subject.classes());
    } catch (const Error& error) {
        throw Error(error.kind(), error.what() + did_you_mean(text.substr(text.rfind(':') + 1),
                                                              subject.classes()));
    }
}

}  // namespace whence::recipe
