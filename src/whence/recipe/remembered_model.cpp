#include "whence/recipe/remembered_model.h"

#include <bit>
#include <cstring>

namespace whence::recipe {
namespace {

constexpr size_t most_bytes = size_t{256} << 20;

// Two multiplicative hashes of the same words, of different constants and rotations.
class Mixer {
  public:
    void add(std::span<const std::byte> bytes) {
        add(bytes.size());
        while (bytes.size() >= sizeof(uint64_t)) {
            uint64_t word = 0;
            std::memcpy(&word, bytes.data(), sizeof word);
            add(word);
            bytes = bytes.subspan(sizeof word);
        }
        uint64_t rest = 0;
        if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
        add(rest);
    }
    void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
    void add(uint64_t word) {
        a_ = std::rotl((a_ ^ word) * 0x9E3779B97F4A7C15, 31);
        b_ = std::rotl((b_ + word) * 0xD6E8FEB86659FD93, 27) ^ a_ >> 17;
    }
    [[nodiscard]] std::pair<uint64_t, uint64_t> result() const { return {a_, b_}; }

  private:
    uint64_t a_ = 0x243F6A8885A308D3, b_ = 0x13198A2E03707344;
};

}  // namespace

RememberedModel::Fingerprint RememberedModel::fingerprint(const Batch& inputs) {
    Mixer mixer;
    for (const NamedTensor& input : inputs.tensors()) {
        mixer.add(input.name);
        mixer.add(static_cast<uint64_t>(input.value.type()));
        for (const int64_t length : input.value.shape()) mixer.add(static_cast<uint64_t>(length));
        if (input.value.type() == ElementType::string)
            for (const std::string& text : input.value.as<std::string>()) mixer.add(text);
        else
            mixer.add(std::span(input.value.data(), input.value.bytes()));
    }
    return mixer.result();
}

Batch RememberedModel::predict(const Batch& inputs, const Run& run) const {
    run.check();
    const Fingerprint key = fingerprint(inputs);
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = answers_.find(key); found != answers_.end()) {
            spared_ += inputs.rows();
            return found->second;
        }
    }
    Batch answer = inner_->predict(inputs, run);
    size_t bytes = 0;
    for (const NamedTensor& output : answer.tensors())
        if (output.value.type() != ElementType::string) bytes += output.value.bytes();
    const std::lock_guard lock(mutex_);
    if (bytes_ + bytes <= most_bytes && answers_.emplace(key, answer).second) bytes_ += bytes;
    return answer;
}

}  // namespace whence::recipe
