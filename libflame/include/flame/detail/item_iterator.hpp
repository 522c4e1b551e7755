/// Ranges that are read once.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>

namespace flame::detail {

/// Iterates over what has a `next` that gives an optional item.
template <class Items, class T>
class item_iterator {
public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  item_iterator() = default;

  explicit item_iterator(Items& from) : from_(&from), item_(from.next()) {
    // nop
  }

  T& operator*() const {
    return *item_;
  }

  item_iterator& operator++() {
    item_ = from_->next();
    return *this;
  }

  void operator++(int) {
    ++*this;
  }

  friend bool operator==(const item_iterator& it, std::default_sentinel_t) {
    return !it.item_;
  }

private:
  Items* from_ = nullptr;
  mutable std::optional<T> item_;
};

} // namespace flame::detail
