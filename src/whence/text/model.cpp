#include <algorithm>
#include <limits>
#include <queue>

#include "whence/text/parts.h"

namespace whence::text {
namespace {

// The token <0x0A> for each byte, where the vocabulary has them all.
class ByteTokens {
  public:
    ByteTokens(const Vocabulary& vocabulary, bool wanted) {
        for (int byte = 0; wanted && byte < 256; ++byte)
            ids_.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)));
    }
    /// One token for each byte of `text`; false, and nothing appended, where one is missing.
    bool append(std::string_view text, size_t at, std::vector<PieceToken>& out) const {
        if (ids_.empty()) return false;
        for (const char c : text)
            if (!ids_[static_cast<unsigned char>(c)]) return false;
        for (size_t i = 0; i < text.size(); ++i)
            out.push_back({*ids_[static_cast<unsigned char>(text[i])], at + i, at + i + 1});
        return true;
    }

  private:
    std::vector<std::optional<int64_t>> ids_;
};

Vocabulary read_vocabulary(const Json& json) {
    const Json& words = member(json, "vocab");
    if (!words.is_object()) wrong("'vocab' must be an object of words and numbers");
    Vocabulary out;
    for (const auto& [word, id] : words.items()) out.add(word, whole(id, "vocab"));
    return out;
}

class WordLevel final : public TokenModel {
  public:
    WordLevel(Vocabulary vocabulary, std::optional<int64_t> unknown)
        : TokenModel(std::move(vocabulary)), unknown_(unknown) {}
    void tokenize(std::string_view piece, std::vector<PieceToken>& out) const override {
        const std::optional<int64_t> id = vocabulary_.find(piece);
        if (id || unknown_) out.push_back({id ? *id : *unknown_, 0, piece.size()});
    }

  private:
    std::optional<int64_t> unknown_;
};

// Greedy, longest first (Wu et al. 2016, section 4.1).
class WordPiece final : public TokenModel {
  public:
    explicit WordPiece(const Json& json)
        : TokenModel(read_vocabulary(json)),
          prefix_(text_or(json, "continuing_subword_prefix", "##")),
          most_characters_(whole_or(json, "max_input_chars_per_word", 100)) {
        const std::optional<int64_t> unknown =
            vocabulary_.find(text_or(json, "unk_token", "[UNK]"));
        if (!unknown) wrong("the vocabulary has no token for unknown words ('unk_token')");
        unknown_ = *unknown;
    }

    void tokenize(std::string_view piece, std::vector<PieceToken>& out) const override {
        const auto characters = std::ranges::count_if(
            piece, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
        const size_t before = out.size();
        if (characters > most_characters_ || !cut(piece, out)) {
            out.resize(before);
            out.push_back({unknown_, 0, piece.size()});
        }
    }

  private:
    bool cut(std::string_view piece, std::vector<PieceToken>& out) const {
        std::string candidate;
        for (size_t begin = 0; begin < piece.size();) {
            const size_t prefix = begin > 0 ? prefix_.size() : 0;
            size_t length =
                std::min(piece.size() - begin,
                         vocabulary_.longest() - std::min(prefix, vocabulary_.longest()));
            candidate.assign(prefix_, 0, prefix).append(piece, begin, length);
            std::optional<int64_t> id;
            while (length > 0 && !(id = vocabulary_.find(candidate))) {
                --length;
                candidate.pop_back();
            }
            if (!id) return false;
            out.push_back({*id, begin, begin + length});
            begin += length;
        }
        return true;
    }

    std::string prefix_;
    int64_t most_characters_, unknown_ = 0;
};

// Byte-pair encoding: the pair that was merged first in training is merged first (Sennrich, Haddow,
// Birch 2016, "Neural machine translation of rare words with subword units").
class Bpe final : public TokenModel {
  public:
    explicit Bpe(const Json& json)
        : TokenModel(read_vocabulary(json)),
          prefix_(text_or(json, "continuing_subword_prefix", "")),
          suffix_(text_or(json, "end_of_word_suffix", "")),
          fuse_unknown_(flag_or(json, "fuse_unk", false)),
          whole_words_(flag_or(json, "ignore_merges", false)),
          bytes_(vocabulary_, flag_or(json, "byte_fallback", false)) {
        if (const std::string word = text_or(json, "unk_token", ""); !word.empty()) {
            unknown_ = vocabulary_.find(word);
            if (!unknown_) wrong("the vocabulary has no token for unknown words ('unk_token')");
        }
        for (const Json& merge : list_of(json, "merges")) read_merge(merge);
    }

    void tokenize(std::string_view piece, std::vector<PieceToken>& out) const override {
        if (whole_words_)
            if (const auto id = vocabulary_.find(piece)) {
                out.push_back({*id, 0, piece.size()});
                return;
            }
        std::vector<PieceToken> symbols = characters(piece);
        merge(symbols);
        out.insert(out.end(), symbols.begin(), symbols.end());
    }

  private:
    struct Merge {
        int32_t rank;
        int64_t id;
    };
    static uint64_t key(int64_t left, int64_t right) {
        return static_cast<uint64_t>(left) << 32 | static_cast<uint64_t>(right);
    }

    void read_merge(const Json& json) {
        std::string left, right;
        if (json.is_string()) {
            const auto& text = json.get_ref<const std::string&>();
            const size_t blank = text.find(' ');
            if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos)
                wrong("a merge is no two tokens with a blank between them");
            left = text.substr(0, blank);
            right = text.substr(blank + 1);
        } else if (json.is_array() && json.size() == 2 && json[0].is_string() &&
                   json[1].is_string()) {
            left = json[0].get<std::string>();
            right = json[1].get<std::string>();
        } else {
            wrong("'merges' must hold pairs of tokens");
        }
        const auto a = vocabulary_.find(left), b = vocabulary_.find(right);
        const auto together = right.size() < prefix_.size()
                                  ? std::nullopt
                                  : vocabulary_.find(left + right.substr(prefix_.size()));
        if (!a || !b || !together)
            wrong(fmt::format("the merge '{}' '{}' uses a token that the vocabulary does not have",
                              printable(left, 40), printable(right, 40)));
        merges_.insert_or_assign(key(*a, *b),
                                 Merge{static_cast<int32_t>(merges_.size()), *together});
    }

    // One symbol for each character.
    std::vector<PieceToken> characters(std::string_view piece) const {
        std::vector<PieceToken> out;
        std::optional<PieceToken> unknown;
        const auto flush = [&] {
            if (unknown) out.push_back(*unknown);
            unknown.reset();
        };
        std::string symbol;
        for (size_t at = 0; at < piece.size();) {
            const size_t begin = at;
            static_cast<void>(next_code_point(piece, at));
            symbol.assign(begin > 0 ? prefix_ : "").append(piece, begin, at - begin);
            if (at == piece.size()) symbol += suffix_;
            if (const auto id = vocabulary_.find(symbol)) {
                flush();
                out.push_back({*id, begin, at});
                continue;
            }
            if (std::vector<PieceToken> bytes; bytes_.append(symbol, begin, bytes)) {
                flush();
                out.insert(out.end(), bytes.begin(), bytes.end());
                continue;
            }
            if (!unknown_) continue;
            if (unknown && fuse_unknown_) {
                unknown->end = at;
            } else {
                flush();
                unknown = PieceToken{*unknown_, begin, at};
            }
        }
        flush();
        return out;
    }

    // Merges while there is a pair to merge: the lowest rank first, of equal ones the leftmost.
    void merge(std::vector<PieceToken>& symbols) const {
        struct Candidate {
            int32_t rank;
            size_t left;
            int64_t id;
            bool operator<(const Candidate& o) const {
                return rank != o.rank ? rank > o.rank : left > o.left;
            }
        };
        constexpr size_t none = std::numeric_limits<size_t>::max();
        const size_t count = symbols.size();
        std::vector<size_t> previous(count), next(count);
        for (size_t i = 0; i < count; ++i) {
            previous[i] = i == 0 ? none : i - 1;
            next[i] = i + 1 < count ? i + 1 : none;
        }
        std::vector<bool> gone(count, false);
        std::priority_queue<Candidate> queue;
        const auto consider = [&](size_t left) {
            if (left == none || next[left] == none) return;
            const auto found = merges_.find(key(symbols[left].id, symbols[next[left]].id));
            if (found != merges_.end()) queue.push({found->second.rank, left, found->second.id});
        };
        for (size_t i = 0; i < count; ++i) consider(i);
        while (!queue.empty()) {
            const Candidate best = queue.top();
            queue.pop();
            const size_t left = best.left;
            if (gone[left] || next[left] == none) continue;
            const size_t right = next[left];
            // The pair may have changed since it was queued.
            const auto found = merges_.find(key(symbols[left].id, symbols[right].id));
            if (found == merges_.end() || found->second.id != best.id) continue;
            symbols[left].id = best.id;
            symbols[left].end = symbols[right].end;
            gone[right] = true;
            next[left] = next[right];
            if (next[right] != none) previous[next[right]] = left;
            consider(previous[left]);
            consider(left);
        }
        size_t written = 0;
        for (size_t i = 0; i < count; ++i)
            if (!gone[i]) symbols[written++] = symbols[i];
        symbols.resize(written);
    }

    std::string prefix_, suffix_;
    bool fuse_unknown_, whole_words_;
    ByteTokens bytes_;
    std::optional<int64_t> unknown_;
    std::unordered_map<uint64_t, Merge> merges_;
};

// The most probable way of cutting (Kudo 2018, "Subword regularization"), found by Viterbi's
// algorithm. Unknown characters cost 10 more than the least probable token; neighbours are fused.
class Unigram final : public TokenModel {
  public:
    explicit Unigram(const Json& json)
        : TokenModel(read_pieces(json)),
          bytes_(vocabulary_, flag_or(json, "byte_fallback", false)) {
        for (const Json& piece : list_of(json, "vocab")) scores_.push_back(piece[1].get<double>());
        if (!member(json, "unk_id").is_null()) {
            unknown_ = whole(member(json, "unk_id"), "unk_id");
            if (*unknown_ >= static_cast<int64_t>(scores_.size()))
                wrong("'unk_id' is no number of a token");
        }
        for (const double score : scores_) lowest_ = std::min(lowest_, score);
    }

    void tokenize(std::string_view piece, std::vector<PieceToken>& out) const override {
        std::vector<PieceToken> best = cut(piece);
        for (size_t i = 0; i < best.size(); ++i) {
            PieceToken token = best[i];
            while (token.id < 0 && i + 1 < best.size() && best[i + 1].id < 0)
                token.end = best[++i].end;
            const std::string_view text = piece.substr(token.begin, token.end - token.begin);
            if (token.id >= 0) {
                out.push_back(token);
            } else if (std::vector<PieceToken> bytes; bytes_.append(text, token.begin, bytes)) {
                for (PieceToken& byte : bytes) byte.begin = token.begin, byte.end = token.end;
                out.insert(out.end(), bytes.begin(), bytes.end());
            } else if (unknown_) {
                out.push_back({*unknown_, token.begin, token.end});
            } else {
                wrong("a character that no token stands for, and no 'unk_id'");
            }
        }
    }

  private:
    static Vocabulary read_pieces(const Json& json) {
        Vocabulary out;
        int64_t number = 0;
        for (const Json& piece : list_of(json, "vocab")) {
            if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() ||
                !piece[1].is_number())
                wrong("'vocab' must hold pairs of a token and its score");
            out.add(piece[0].get<std::string>(), number++);
        }
        if (number == 0) wrong("'vocab' is empty");
        return out;
    }

    // -1: unknown.
    std::vector<PieceToken> cut(std::string_view piece) const {
        struct Node {
            double score = 0;
            int64_t id = -2;  // not reached
            size_t begin = 0;
        };
        std::vector<Node> ends(piece.size() + 1);
        const auto offer = [&](size_t begin, size_t end, int64_t id, double score) {
            Node& node = ends[end];
            if (node.id == -2 || score > node.score) node = {score, id, begin};
        };
        for (size_t at = 0; at < piece.size();) {
            const double here = at == 0 ? 0 : ends[at].score;
            size_t after = at;
            static_cast<void>(next_code_point(piece, after));
            bool single = false;
            for (size_t end = after; end <= piece.size() && end - at <= vocabulary_.longest();) {
                if (const auto id = vocabulary_.find(piece.substr(at, end - at))) {
                    // A piece of the vocabulary that is the unknown token counts as unknown.
                    offer(at, end, id == unknown_ ? -1 : *id, here + scores_[*id]);
                    single |= end == after;
                }
                if (end == piece.size()) break;
                static_cast<void>(next_code_point(piece, end));
            }
            if (!single) offer(at, after, -1, here + lowest_ - unknown_penalty);
            at = after;
        }
        std::vector<PieceToken> out;
        for (size_t end = piece.size(); end > 0; end = ends[end].begin)
            out.push_back({ends[end].id, ends[end].begin, end});
        std::ranges::reverse(out);
        return out;
    }

    static constexpr double unknown_penalty = 10;
    std::vector<double> scores_;
    ByteTokens bytes_;
    std::optional<int64_t> unknown_;
    double lowest_ = std::numeric_limits<double>::infinity();
};

// Files of old versions name no type.
std::string type_of_model(const Json& json) {
    if (!member(json, "type").is_null()) return text_of(json, "type");
    if (!member(json, "merges").is_null()) return "BPE";
    return member(json, "vocab").is_array() ? "Unigram" : "WordPiece";
}

}  // namespace

std::unique_ptr<TokenModel> word_level(Vocabulary vocabulary, std::optional<int64_t> unknown) {
    return std::make_unique<WordLevel>(std::move(vocabulary), unknown);
}

std::unique_ptr<TokenModel> read_model(const Json& json) {
    if (!json.is_object()) wrong("'model' is missing");
    const std::string type = type_of_model(json);
    if (type == "WordPiece") return std::make_unique<WordPiece>(json);
    if (type == "BPE") {
        const Json& dropout = member(json, "dropout");
        if (dropout.is_number() && dropout.get<double>() != 0)
            unknown("option", "dropout");  // tokens would be drawn at random
        return std::make_unique<Bpe>(json);
    }
    if (type == "Unigram") return std::make_unique<Unigram>(json);
    if (type == "WordLevel") {
        Vocabulary vocabulary = read_vocabulary(json);
        const auto id = vocabulary.find(text_or(json, "unk_token", "<unk>"));
        return word_level(std::move(vocabulary), id);
    }
    unknown("model", type);
}

}  // namespace whence::text
