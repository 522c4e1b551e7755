/// Writes settings as YAML, each with its origin as a comment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config_place.hpp"
#include "config_supervisors.hpp"

namespace flame::detail {

/// The text as a scalar that `load` reads back.
std::string scalar(std::string_view text);

class printer {
public:
  void open(std::size_t depth, std::string_view key);

  void line(std::size_t depth, std::string_view key, std::string_view value,
            const place& at);

  /// The like, with a value that is YAML already.
  void yaml(std::size_t depth, std::string_view key, std::string_view value,
            const place& at);

  /// What comes next begins an item of a list.
  void begin_item() {
    begins_item_ = true;
  }

  void hidden(std::size_t depth, std::string_view key, const place& at);

  void add(std::string_view text) {
    text_ += text;
  }

  std::string take() {
    return std::move(text_);
  }

private:
  std::string indentation(std::size_t depth);

  std::string text_;
  bool begins_item_ = false;
};

/// Nothing, if there are none.
void print_supervisors(printer& out, const supervisor_trees& trees);

} // namespace flame::detail
