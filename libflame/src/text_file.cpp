#include "text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "flame/config.hpp"

namespace flame::detail {

namespace {

struct file_closer {
  void operator()(std::FILE* file) const noexcept {
    std::fclose(file);
  }
};

} // namespace

std::optional<std::string> read_text_file(const std::string& path,
                                          std::size_t longest,
                                          std::string& reason) {
  std::unique_ptr<std::FILE, file_closer> file{std::fopen(path.c_str(), "rbe")};
  if (!file) {
    reason = std::strerror(errno);
    return std::nullopt;
  }
  std::string result;
  std::array<char, 16'384> chunk;
  while (auto count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    result.append(chunk.data(), count);
    if (result.size() > longest) {
      reason = "it is longer than " + format_size(longest);
      return std::nullopt;
    }
  }
  // A directory opens; reading it is what fails.
  if (std::ferror(file.get())) {
    reason = std::strerror(errno);
    return std::nullopt;
  }
  return result;
}

} // namespace flame::detail
