#include "whence/text/text_model.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::text {

namespace {

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct Part {
    std::string_view text;
    uint64_t hash;
};

// The next part between blanks; empty at the end. Its hash (FNV-1a: Fowler, Noll, Vo) is taken while
// its end is looked for.
Part next_part(std::string_view text, size_t at) {
    while (at < text.size() && blank(text[at])) ++at;
    uint64_t hash = 0xcbf29ce484222325;
    size_t end = at;
    for (; end < text.size() && !blank(text[end]); ++end)
        hash = (hash ^ static_cast<unsigned char>(text[end])) * 0x100000001b3;
    return {text.substr(at, end - at), hash ^ hash >> 32};
}

// Parts and their tokens, by open addressing: looking parts up is most of what masked texts cost.
class PartTable {
  public:
    PartTable() : slots_(1 << 10) {}
    [[nodiscard]] size_t size() const { return size_; }

    /// nullopt: it was never added.
    [[nodiscard]] std::optional<std::span<const int64_t>> find(const Part& part) const {
        const Slot& slot = slots_[place_of(part)];
        if (slot.size == 0) return std::nullopt;
        return std::span(ids_).subspan(slot.ids, slot.count);
    }
    void add(const Part& part, std::span<const int64_t> ids) {
        if (2 * (size_ + 1) > slots_.size()) grow();
        Slot& slot = slots_[place_of(part)];
        if (slot.size > 0) return;
        slot = {part.hash, texts_.size(), part.text.size(), ids_.size(), ids.size()};
        texts_ += part.text;
        ids_.insert(ids_.end(), ids.begin(), ids.end());
        ++size_;
    }

  private:
    struct Slot {
        uint64_t hash = 0;
        size_t text = 0, size = 0;  // in texts_; no part is empty, so 0 is a free slot
        size_t ids = 0, count = 0;  // in ids_
    };
    // Where the part is, or would be.
    [[nodiscard]] size_t place_of(const Part& part) const {
        const size_t mask = slots_.size() - 1;
        size_t place = part.hash & mask;
        while (slots_[place].size > 0 && !is(slots_[place], part)) place = (place + 1) & mask;
        return place;
    }
    [[nodiscard]] bool is(const Slot& slot, const Part& part) const {
        return slot.hash == part.hash && slot.size == part.text.size() &&
               std::memcmp(texts_.data() + slot.text, part.text.data(), slot.size) == 0;
    }
    void grow() {
        std::vector<Slot> old(2 * slots_.size());
        old.swap(slots_);
        for (const Slot& slot : old)
            if (slot.size > 0)
                slots_[place_of({std::string_view(texts_).substr(slot.text, slot.size),
                                 slot.hash})] = slot;
    }

    std::vector<Slot> slots_;
    std::string texts_;
    std::vector<int64_t> ids_;
    size_t size_ = 0;
};

}  // namespace

// The tokens of parts between blanks that were met before.
class TextModel::Memory {
  public:
    explicit Memory(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

    std::vector<int64_t> ids_of(std::string_view text) {
        std::vector<int64_t> out;
        std::vector<Met> met;
        {
            const std::shared_lock lock(mutex_);
            for (Part part = next_part(text, 0); !part.text.empty();
                 part = next_part(text, part.text.data() + part.text.size() - text.data())) {
                if (const auto known = known_.find(part)) {
                    out.insert(out.end(), known->begin(), known->end());
                    continue;
                }
                const size_t begin = out.size();
                for (const Token& token : tokenizer_.encode_part(part.text))
                    out.push_back(token.id);
                if (part.text.size() <= longest) met.push_back({part, begin, out.size() - begin});
            }
        }
        if (!met.empty()) {
            const std::unique_lock lock(mutex_);
            for (const Met& one : met)
                if (known_.size() < most)
                    known_.add(one.part, std::span(out).subspan(one.begin, one.count));
        }
        return out;
    }

  private:
    struct Met {
        Part part;
        size_t begin, count;  // its tokens among those of the text
    };
    static constexpr size_t most = 1 << 17, longest = 256;
    const Tokenizer& tokenizer_;
    std::shared_mutex mutex_;
    PartTable known_;
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
