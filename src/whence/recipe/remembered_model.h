#pragma once
// A model that remembers what it answered: explanations of several classes by the same samples ask once.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "whence/core/model.h"

namespace whence::recipe {

/// Asks `inner` for batches it has not seen, and gives its own answer for those that it has, bit by
/// bit. Batches are told apart by a fingerprint of 128 bits, and forgotten from 256 MiB of answers on:
/// then no more are kept.
class RememberedModel final : public Model {
  public:
    explicit RememberedModel(std::shared_ptr<const Model> inner) : inner_(std::move(inner)) {}

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inner_->inputs(); }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return inner_->outputs();
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return inner_->concurrency(); }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_->preferred_batch(); }

    /// Rows answered without asking, so far.
    [[nodiscard]] int64_t spared() const { return spared_; }

  private:
    using Fingerprint = std::pair<uint64_t, uint64_t>;
    static Fingerprint fingerprint(const Batch& inputs);

    std::shared_ptr<const Model> inner_;
    mutable std::mutex mutex_;
    mutable std::map<Fingerprint, Batch> answers_;
    mutable size_t bytes_ = 0;
    mutable std::atomic<int64_t> spared_ = 0;
};

}  // namespace whence::recipe
