#include "whence/text/text_model.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::text {

// The tokens of parts between blanks that were met before.
class TextModel::Memory {
  public:
    explicit Memory(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

    std::vector<int64_t> ids_of(std::string_view text) {
        std::vector<int64_t> out;
        std::vector<std::pair<std::string, std::vector<int64_t>>> met;
        {
            const std::shared_lock lock(mutex_);
            for (size_t at = 0; at < text.size();) {
                at = text.find_first_not_of(blanks, at);
                if (at == std::string_view::npos) break;
                const size_t end = std::min(text.find_first_of(blanks, at), text.size());
                const std::string_view part = text.substr(at, end - at);
                at = end;
                if (const auto found = known_.find(part); found != known_.end()) {
                    out.insert(out.end(), found->second.begin(), found->second.end());
                    continue;
                }
                std::vector<int64_t> ids;
                for (const Token& token : tokenizer_.encode_part(part)) ids.push_back(token.id);
                out.insert(out.end(), ids.begin(), ids.end());
                if (part.size() <= longest) met.emplace_back(part, std::move(ids));
            }
        }
        if (!met.empty()) {
            const std::unique_lock lock(mutex_);
            for (auto& [part, ids] : met)
                if (known_.size() < most) known_.try_emplace(std::move(part), std::move(ids));
        }
        return out;
    }

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    static constexpr std::string_view blanks = " \t\n\r";
    static constexpr size_t most = 1 << 17, longest = 256;
    const Tokenizer& tokenizer_;
    std::shared_mutex mutex_;
    std::unordered_map<std::string, std::vector<int64_t>, Hash, std::equal_to<>> known_;
};

TextModel::TextModel(const Model& inner, const TextEncoder& encoder)
    : inner_(inner),
      encoder_(encoder),
      inputs_{{.name = "text", .type = ElementType::string, .shape = {-1}}} {
    if (encoder.tokenizer() && encoder.tokenizer()->separable())
        memory_ = std::make_unique<Memory>(*encoder.tokenizer());
}

TextModel::~TextModel() = default;

std::vector<int64_t> TextModel::ids_of(const std::string& text) const {
    if (memory_) return encoder_.framed(memory_->ids_of(text));
    std::vector<int64_t> ids;
    for (const Token& token : encoder_.tokenizer()->encode_part(text)) ids.push_back(token.id);
    return encoder_.framed(ids);
}

Batch TextModel::predict(const Batch& inputs, const Run& run) const {
    const Tensor& texts = inputs.at("text");
    if (texts.type() != ElementType::string || texts.row_size() != 1)
        throw Error(ErrorKind::input, "input 'text' must hold one text for each row, not " +
                                          std::string(name(texts.type())) + " " +
                                          to_string(texts.shape()));
    const std::span<const std::string> strings = texts.as<std::string>();
    if (!encoder_.tokenizer()) return inner_.predict(encoder_.encode(strings), run);
    std::vector<std::vector<int64_t>> rows(strings.size());
    constexpr int64_t rows_per_task = 4;
    parallel_for(run, static_cast<int64_t>(strings.size()), rows_per_task,
                 [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) rows[row] = ids_of(strings[row]);
                 });
    if (encoder_.fixed_length() > 0)
        return inner_.predict(encoder_.from_ids(rows, encoder_.fixed_length()), run);
    return by_length(rows, run);
}

Batch TextModel::by_length(std::span<const std::vector<int64_t>> rows, const Run& run) const {
    constexpr int64_t step = 16;
    const bool masked = std::ranges::any_of(encoder_.inputs_, [](const TextEncoder::Input& input) {
        return input.role == TextEncoder::Input::Role::mask;
    });
    std::map<int64_t, std::vector<size_t>> by_length;
    for (size_t row = 0; row < rows.size(); ++row) {
        auto length = std::max<int64_t>(1, static_cast<int64_t>(rows[row].size()));
        if (masked)
            length = std::min((length + step - 1) / step * step,
                              std::max(length, encoder_.max_length()));
        by_length[length].push_back(row);
    }
    if (by_length.size() == 1)
        return inner_.predict(encoder_.from_ids(rows, by_length.begin()->first), run);

    std::vector<NamedTensor> out;
    std::vector<bool> whole;
    for (const auto& [length, members] : by_length) {
        std::vector<std::vector<int64_t>> some;
        for (const size_t row : members) some.push_back(rows[row]);
        const Batch answers = inner_.predict(encoder_.from_ids(some, length), run);
        if (out.empty())
            for (const NamedTensor& answer : answers.tensors()) {
                Shape shape = answer.value.shape();
                whole.push_back(!shape.empty() && answer.value.type() != ElementType::string);
                if (whole.back()) shape[0] = static_cast<int64_t>(rows.size());
                out.push_back({answer.name, Tensor(answer.value.type(), std::move(shape))});
            }
        for (size_t o = 0; o < out.size(); ++o) {
            const Tensor& from = answers[o].value;
            Tensor& to = out[o].value;
            whole[o] = whole[o] && from.row_size() == to.row_size();
            if (!whole[o]) continue;
            const size_t bytes = to.bytes() / rows.size();
            for (size_t i = 0; i < members.size(); ++i)
                std::memcpy(to.data() + members[i] * bytes, from.data() + i * bytes, bytes);
        }
    }
    Batch answer;
    for (size_t o = 0; o < out.size(); ++o)
        if (whole[o]) answer.add(out[o].name, std::move(out[o].value));
    return answer;
}

}  // namespace whence::text
