#pragma once
// What JSON and UBJSON files hold, with long runs of numbers as such, and a view that knows where
// in the file it is.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whence::trees {

struct Value;
struct Member;
using Numbers =
    std::vector<double>;  ///< of an array of numbers (and of true and false), or of none
using List = std::vector<Value>;
using Object = std::vector<Member>;

struct Value {
    std::variant<std::monostate, bool, double, std::string, Numbers, List, Object> is;
};

/// What an object has under a name.
struct Member {
    std::string name;
    Value value;
};

/// Both throw Error(model) saying what is wrong and at which byte: for nesting deeper than 64, for
/// lengths beyond the bytes that are there. JSON may hold NaN and Infinity, as Python writes them.
[[nodiscard]] Value parse_json(std::string_view text);
[[nodiscard]] Value parse_ubjson(std::span<const std::byte> bytes);

/// Adds an item to an array, which is numbers (true and false are 1 and 0) until something else comes
/// and makes it a list.
void add_item(Numbers& numbers, List& list, Value item);

/// A place in a document. What is not there, or something else, is Error(model) naming the place.
class View {
  public:
    explicit View(const Value& value, std::string where = "the file")
        : value_(&value), where_(std::move(where)) {}

    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
    [[nodiscard]] View at(std::string_view key) const;
    [[nodiscard]] View at(size_t index) const;
    /// Items of a list or numbers of an array.
    [[nodiscard]] size_t size() const;
    [[nodiscard]] bool is_text() const { return std::holds_alternative<std::string>(value_->is); }
    [[nodiscard]] bool is_numbers() const { return std::holds_alternative<Numbers>(value_->is); }

    /// A number, or a text that is one.
    [[nodiscard]] double number() const;
    /// A whole number from `least` to `most`.
    [[nodiscard]] int64_t whole(int64_t least, int64_t most) const;
    [[nodiscard]] const std::string& text() const;
    [[nodiscard]] const Numbers& numbers() const;
    /// Numbers, `count` of them.
    [[nodiscard]] const Numbers& numbers(size_t count) const;
    [[nodiscard]] const Object& object() const;
    [[nodiscard]] const std::string& where() const { return where_; }

    [[noreturn]] void refuse(const std::string& why) const;

  private:
    [[nodiscard]] const Value* find(std::string_view key) const;

    const Value* value_;
    std::string where_;
};

/// `number` as a whole number from `least` to `most`; Error(model) that begins with `where`.
[[nodiscard]] int64_t whole_number(double number, int64_t least, int64_t most,
                                   std::string_view where);

}  // namespace whence::trees
