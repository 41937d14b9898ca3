#include "whence/mask/joint_masker.h"

#include <algorithm>

#include "whence/core/error.h"

namespace whence {

JointMasker::JointMasker(std::vector<const Masker*> parts) : parts_(std::move(parts)) {
    bool named = true;
    for (const Masker* part : parts_) {
        players_ += part->players();
        named = named && std::ssize(part->names()) == part->players();
        if (part->fillings() == 1) continue;
        const std::vector<double> weights(part->weights().begin(), part->weights().end());
        if (fillings_ > 1 && (fillings_ != part->fillings() || weights_ != weights))
            throw Error(ErrorKind::usage,
                        "the backgrounds of two inputs have " + std::to_string(fillings_) +
                            " and " + std::to_string(part->fillings()) +
                            " rows, or other weights: they are filled in together, row by row");
        fillings_ = part->fillings();
        weights_ = weights;
    }
    if (!named) return;
    for (const Masker* part : parts_)
        names_.insert(names_.end(), part->names().begin(), part->names().end());
}

void JointMasker::apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
                        const Run& run) const {
    const int64_t count = rows.rows();
    if (count == 0) return;
    const int64_t begin = first / fillings_, end = (first + count - 1) / fillings_ + 1;
    if (first < 0 || present.columns != players_ || end > present.rows)
        throw Error(ErrorKind::internal, "joint masker: " + std::to_string(count) +
                                             " rows from row " + std::to_string(first) + " for " +
                                             std::to_string(present.rows) + " coalitions of " +
                                             std::to_string(present.columns) + " players");
    int64_t before = 0;
    for (const Masker* part : parts_) {
        const int64_t own = part->players();
        // A part that fills in one way has a coalition for each row, the others for each
        // `fillings_`.
        const bool once = part->fillings() == 1;
        const int64_t coalitions = once ? count : end - begin;
        std::vector<uint8_t> there(static_cast<size_t>(coalitions * own));
        for (int64_t c = 0; c < coalitions; ++c)
            std::ranges::copy(present.row(once ? (first + c) / fillings_ : begin + c)
                                  .subspan(static_cast<size_t>(before), static_cast<size_t>(own)),
                              there.begin() + c * own);
        part->apply({there.data(), coalitions, own}, once ? 0 : first - begin * fillings_, rows,
                    run);
        before += own;
    }
}

}  // namespace whence
