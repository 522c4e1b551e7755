/// Answers to HTTP requests.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace web {

/// An answer. The body is one of the three.
struct reply {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  /// As `Cache-Control`.
  std::string cache = "no-store";
  std::string text = {};
  /// A text that lives as long as the program.
  std::string_view constant = {};
  std::filesystem::path file = {};
};

/// Gets an answer; may be called in any thread, once.
using responder = std::function<void(reply)>;

/// A failure, for people.
reply failure(unsigned status, std::string text);

/// Headers that each answer has, by name and value: what a page of this server
/// may do, and that nobody is to guess what a body is.
const std::vector<std::pair<const char*, const char*>>& security_headers();

} // namespace web
