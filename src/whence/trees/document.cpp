#include "whence/trees/document.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

void add_item(Numbers& numbers, List& list, Value item) {
    if (list.empty()) {
        if (const double* number = std::get_if<double>(&item.is))
            return numbers.push_back(*number);
        if (const bool* flag = std::get_if<bool>(&item.is)) return numbers.push_back(*flag ? 1 : 0);
    }
    for (const double number : numbers) list.emplace_back().is = number;
    numbers.clear();
    list.push_back(std::move(item));
}

int64_t whole_number(double number, int64_t least, int64_t most, std::string_view where) {
    if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
        number != std::floor(number))
        throw Error(ErrorKind::model, fmt::format("{}: {} is no whole number from {} to {}", where,
                                                  number, least, most));
    return static_cast<int64_t>(number);
}

void View::refuse(const std::string& why) const {
    throw Error(ErrorKind::model, where_ + ": " + why);
}

const Value* View::find(std::string_view key) const {
    const Object* object = std::get_if<Object>(&value_->is);
    if (!object) return nullptr;
    for (const auto& [name, value] : *object)
        if (name == key) return &value;
    return nullptr;
}

View View::at(std::string_view key) const {
    const Value* found = find(key);
    if (!found) refuse(fmt::format("it has no '{}'", key));
    return View(*found,
                where_ == "the file" ? std::string(key) : fmt::format("{}.{}", where_, key));
}

size_t View::size() const {
    if (const List* list = std::get_if<List>(&value_->is)) return list->size();
    return numbers().size();
}

View View::at(size_t index) const {
    const List* list = std::get_if<List>(&value_->is);
    if (!list || index >= list->size()) refuse(fmt::format("it has no item {}", index));
    return View((*list)[index], fmt::format("{}[{}]", where_, index));
}

double View::number() const {
    if (const double* number = std::get_if<double>(&value_->is)) return *number;
    if (const bool* flag = std::get_if<bool>(&value_->is)) return *flag ? 1 : 0;
    if (is_text())
        if (const auto number = parse_number(text())) return *number;
    refuse("it is no number");
}

int64_t View::whole(int64_t least, int64_t most) const {
    return whole_number(number(), least, most, where_);
}

const std::string& View::text() const {
    if (!is_text()) refuse("it is no text");
    return std::get<std::string>(value_->is);
}

const Numbers& View::numbers() const {
    if (!is_numbers()) refuse("it is no array of numbers");
    return std::get<Numbers>(value_->is);
}

const Numbers& View::numbers(size_t count) const {
    const Numbers& all = numbers();
    if (all.size() != count)
        refuse(fmt::format("it has {} numbers where there should be {}", all.size(), count));
    return all;
}

const Object& View::object() const {
    const Object* object = std::get_if<Object>(&value_->is);
    if (!object) refuse("it is no object");
    return *object;
}

}  // namespace whence::trees
