#include "private_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace studio {

private_directory::private_directory() {
  auto name =
    (std::filesystem::temp_directory_path() / "studio-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::runtime_error{fmt::format("cannot make the directory {}: {}",
                                         name, std::strerror(errno))};
  path_ = name;
}

private_directory::~private_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

} // namespace studio
