#pragma once
// What was made of something once and is wanted again: bins and sorted columns of a background.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace whence::recipe {

/// The last few things made, by name. Safe from several threads.
class Kept {
  public:
    /// What `make` made under this key, or makes now. A key stands for one type and for all that
    /// `make` depends on.
    template <class T>
    [[nodiscard]] std::shared_ptr<const T> get(
        const std::string& key, const std::function<std::shared_ptr<const T>()>& make) {
        const std::lock_guard lock(mutex_);
        for (const Entry& entry : entries_)
            if (entry.key == key) return std::static_pointer_cast<const T>(entry.value);
        std::shared_ptr<const T> made = make();
        entries_.push_back({key, made});
        if (entries_.size() > most) entries_.pop_front();
        return made;
    }

  private:
    static constexpr size_t most = 8;
    struct Entry {
        std::string key;
        std::shared_ptr<const void> value;
    };
    std::mutex mutex_;
    std::deque<Entry> entries_;
};

}  // namespace whence::recipe
