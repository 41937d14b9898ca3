#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "whence/core/error.h"
#include "whence/text/text_model.h"

namespace whence::text {
namespace {

constexpr int64_t default_length = 512, longest = 1 << 20;

bool is_whole(ElementType type) {
    return type == ElementType::int64 || type == ElementType::int32;
}

bool among(const std::string& name, std::initializer_list<std::string_view> known) {
    return std::ranges::find(known, name) != known.end();
}

void check_named(const std::string& name, const std::vector<TensorInfo>& inputs) {
    if (name.empty() || std::ranges::find(inputs, name, &TensorInfo::name) != inputs.end()) return;
    std::string have;
    for (const TensorInfo& info : inputs)
        have += (have.empty() ? "" : ", ") + printable(info.name, 60);
    throw Error(ErrorKind::input,
                fmt::format("the preprocessing names an input '{}'; the model has: {}",
                            printable(name, 60), have));
}

}  // namespace

TextEncoder::Input::Role TextEncoder::role_of(const TensorInfo& info,
                                              const std::vector<TensorInfo>& inputs) const {
    using Role = Input::Role;
    if (info.type == ElementType::string) return Role::text;
    const std::string& name = info.name;
    if (!names_.ids.empty() ? name == names_.ids : among(name, {"input_ids", "ids", "tokens"}))
        return Role::ids;
    if (!names_.mask.empty() ? name == names_.mask : among(name, {"attention_mask", "input_mask"}))
        return Role::mask;
    if (!names_.types.empty() ? name == names_.types
                              : among(name, {"token_type_ids", "segment_ids"}))
        return Role::types;
    if (inputs.size() == 1 && names_.ids.empty()) return Role::ids;
    throw Error(ErrorKind::input,
                fmt::format("input '{}' of the model is neither the tokens, their mask nor their "
                            "types: say which are, with \"ids\", \"mask\" and \"types\" in the "
                            "preprocessing",
                            printable(name, 60)));
}

TextEncoder::TextEncoder(std::optional<Tokenizer> tokenizer, TextInputs names,
                         const std::vector<TensorInfo>& inputs)
    : tokenizer_(std::move(tokenizer)), names_(std::move(names)) {
    for (const std::string* name : {&names_.ids, &names_.mask, &names_.types})
        check_named(*name, inputs);
    for (const TensorInfo& info : inputs) {
        const Input::Role role = role_of(info, inputs);
        inputs_.push_back({role, info});
        if (role == Input::Role::text) continue;
        if (!tokenizer_)
            throw Error(ErrorKind::input,
                        "the model reads numbers of tokens: the preprocessing must "
                        "name a \"tokenizer\" or a \"vocabulary\"");
        if (info.shape.size() != 2 || (!is_whole(info.type) && info.type != ElementType::float32))
            throw Error(
                ErrorKind::unsupported,
                fmt::format("input '{}' holds {} {}; tokens are whole numbers [rows, length]",
                            printable(info.name, 60), name(info.type), to_string(info.shape)));
        if (role == Input::Role::ids) names_.ids = info.name;
        if (info.shape[1] > 0) fixed_ = info.shape[1];
    }
    // What is explained comes first.
    std::stable_partition(inputs_.begin(), inputs_.end(),
                          [](const Input& input) { return input.role == Input::Role::ids; });
    if (!tokenizer_) return;
    most_ = names_.max_length > 0 ? names_.max_length : tokenizer_->length().most;
    if (fixed_ > 0) most_ = most_ > 0 ? std::min(most_, fixed_) : fixed_;
    if (most_ == 0) most_ = default_length;
    if (most_ > longest) throw Error(ErrorKind::limit, "texts of more than 1 048 576 tokens");
    // A text of one token shows what stands around it.
    constexpr int64_t sign = -1;
    std::vector<Token>* side = &before_;
    for (const Token& token : tokenizer_->finished({{.id = sign}}, {})) {
        if (token.id == sign) {
            type_ = token.type;
            side = &after_;
        } else {
            side->push_back(token);
        }
    }
}

std::vector<int64_t> TextEncoder::framed(std::span<const int64_t> ids) const {
    const auto around = static_cast<int64_t>(before_.size() + after_.size());
    const auto room = static_cast<size_t>(std::max<int64_t>(0, most_ - around));
    if (ids.size() > room) ids = tokenizer_->cuts_left() ? ids.last(room) : ids.first(room);
    std::vector<int64_t> out;
    out.reserve(ids.size() + around);
    for (const Token& token : before_) out.push_back(token.id);
    out.insert(out.end(), ids.begin(), ids.end());
    for (const Token& token : after_) out.push_back(token.id);
    return out;
}

Tensor TextEncoder::filled(const Input& input, std::span<const std::vector<int64_t>> rows,
                           int64_t length) const {
    Tensor out(input.info.type, {static_cast<int64_t>(rows.size()), length});
    const auto fill = [&]<class T>(T) {
        const std::span<T> values = out.as<T>();
        for (size_t r = 0; r < rows.size(); ++r) {
            const auto size = static_cast<int64_t>(rows[r].size());
            T* const row = values.data() + static_cast<int64_t>(r) * length;
            T* const text = row + (tokenizer_->pads_left() ? length - size : 0);
            if (input.role == Input::Role::ids) {
                std::fill_n(row, length, static_cast<T>(tokenizer_->pad_id()));
                std::ranges::transform(rows[r], text,
                                       [](int64_t id) { return static_cast<T>(id); });
            } else if (input.role == Input::Role::mask) {
                std::fill_n(text, size, T{1});
            } else {
                std::fill_n(text, size, static_cast<T>(type_));
                for (size_t i = 0; i < before_.size() && static_cast<int64_t>(i) < size; ++i)
                    text[i] = static_cast<T>(before_[i].type);
                for (size_t i = 0; i < after_.size() && static_cast<int64_t>(i) < size; ++i)
                    text[size - 1 - static_cast<int64_t>(i)] =
                        static_cast<T>(after_[after_.size() - 1 - i].type);
            }
        }
    };
    if (out.type() == ElementType::int64)
        fill(int64_t{});
    else if (out.type() == ElementType::int32)
        fill(int32_t{});
    else
        fill(float{});
    return out;
}

Batch TextEncoder::from_ids(std::span<const std::vector<int64_t>> rows, int64_t length) const {
    Batch out;
    for (const Input& input : inputs_) out.add(input.info.name, filled(input, rows, length));
    return out;
}

Batch TextEncoder::encode(std::span<const std::string> texts, int64_t length) const {
    if (!tokenizer_) {
        Shape shape = {static_cast<int64_t>(texts.size())};
        if (inputs_[0].info.shape.size() == 2) shape.push_back(1);
        Batch out;
        out.add(inputs_[0].info.name, Tensor::of<std::string>(shape, texts));
        return out;
    }
    std::vector<std::vector<int64_t>> rows;
    size_t widest = 0;
    for (const std::string& text : texts) {
        std::vector<int64_t> ids;
        for (const Token& token : tokenizer_->encode_part(text)) ids.push_back(token.id);
        rows.push_back(framed(ids));
        widest = std::max(widest, rows.back().size());
    }
    if (length == 0) length = std::max<int64_t>(1, static_cast<int64_t>(widest));
    return from_ids(rows, fixed_ > 0 ? fixed_ : length);
}

std::vector<Token> TextEncoder::tokens(const std::string& text) const {
    if (!tokenizer_) return {};
    return tokenizer_->encode(text, {.most = most_, .least = fixed_ > 0 ? fixed_ : 1});
}

bool TextEncoder::cuts(const std::string& text) const {
    if (!tokenizer_) return false;
    const auto around = static_cast<int64_t>(before_.size() + after_.size());
    return static_cast<int64_t>(tokenizer_->encode_part(text).size()) + around > most_;
}

int64_t TextEncoder::filler_id() const {
    const int64_t pad = tokenizer_->pad_id();
    return std::ranges::find(after_, pad, &Token::id) == after_.end() ? pad : 0;
}

int64_t TextEncoder::hidden_id() const {
    if (!tokenizer_)
        throw Error(ErrorKind::unsupported, "this model reads texts: it has no tokens to mask");
    return tokenizer_->mask_id().value_or(filler_id());
}

}  // namespace whence::text
