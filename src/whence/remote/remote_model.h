#pragma once
// A model behind an HTTP endpoint: it can be asked, and nothing else.

#include <atomic>
#include <mutex>

#include "whence/core/model.h"
#include "whence/remote/http.h"
#include "whence/remote/protocol.h"

namespace whence::remote {

/// A model that a server runs and that speaks the Open Inference Protocol v2 over REST (KServe,
/// Triton, MLServer). Rows are asked about in calls of Options::batch rows; where the model reads
/// one row at a time, in calls of one.
///
/// predict throws Error(io) where the endpoint gives no answer after all tries, Error(model) where
/// the answer is not what the metadata promised, Error(limit) where it is too large, Error(input)
/// for NaN and infinity. Each names the URL, without user and password, and how many rows were
/// answered before. The answers are the server's: whether they are the same tomorrow nobody here
/// can know.
class RemoteModel final : public Model {
  public:
    /// Asks the endpoint for its metadata. Throws as predict does, and Error(usage) for what is no
    /// URL of a model, Error(unsupported) for a model that the protocol's JSON cannot describe.
    explicit RemoteModel(std::string_view url, Options options = {}, const Run& run = {});

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override {
        return metadata_.inputs;
    }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return metadata_.outputs;
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override;

    /// The URL without user and password.
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] const Metadata& metadata() const { return metadata_; }

  private:
    [[nodiscard]] Batch ask(const Batch& rows, const Run& run) const;

    std::string url_;
    Options options_;
    Metadata metadata_;
    mutable std::mutex mutex_;  // one connection
    mutable Connection connection_;
    mutable std::atomic<int64_t> answered_ = 0;
};

}  // namespace whence::remote
