#include "saved_call.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "flame/codec.hpp"
#include "flame/detail/unique_fd.hpp"
#include "flame/error.hpp"
#include "logging.hpp"

namespace flame::detail {

namespace {

/// The file: this, the length of the modules, the modules, the request.
constexpr char magic[8] = {'F', 'L', 'M', 'E', 'C', 'A', 'L', '1'};

buffer head_of_file() {
  buffer modules;
  writer to{modules};
  encode(to, thunk_modules());
  buffer result;
  result.append(magic, sizeof(magic));
  std::uint64_t length = modules.size();
  result.append(&length, sizeof(length));
  result.append(modules.data(), modules.size());
  return result;
}

/// @throws std::system_error
void write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      throw std::system_error{errno, std::generic_category()};
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void refuse_file(const std::string& path, const char* why) {
  throw call_error{errc::bad_payload,
                   fmt::format("{} is no call that FLAME_SAVE_FAILED has kept: "
                               "{}",
                               path, why)};
}

} // namespace

call_record::call_record(const std::string& folder, const std::string& runner,
                         std::uint64_t call_id,
                         std::span<const std::byte> request)
  : path_(fmt::format("{}/{}-{}.flame", folder, runner, call_id)) {
  try {
    std::filesystem::create_directories(folder);
    // Arguments may be secret.
    unique_fd file{
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!file)
      throw std::system_error{errno, std::generic_category()};
    write_all(file.get(), head_of_file().bytes());
    write_all(file.get(), request);
  } catch (const std::exception& error) {
    log().warn("cannot keep a call for FLAME_SAVE_FAILED file={} {}", path_,
               error.what());
  }
}

call_record::~call_record() {
  if (!path_.empty() && !is_kept_)
    ::unlink(path_.c_str());
}

const std::string* folder_of_failed_calls() {
  static const auto folder = [] {
    auto* value = std::getenv("FLAME_SAVE_FAILED");
    return std::string{value ? value : ""};
  }();
  return folder.empty() ? nullptr : &folder;
}

saved_call load_call(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    refuse_file(path, std::strerror(errno));
  std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
  std::uint64_t length = 0;
  constexpr auto modules_at = sizeof(magic) + sizeof(length);
  if (bytes.size() < modules_at
      || std::memcmp(bytes.data(), magic, sizeof(magic)) != 0)
    refuse_file(path, "it does not begin as one");
  std::memcpy(&length, bytes.data() + sizeof(magic), sizeof(length));
  auto rest = std::as_bytes(std::span{bytes}).subspan(modules_at);
  if (length > rest.size() || rest.size() - length < sizeof(thunk_token))
    refuse_file(path, "it is not complete");
  saved_call result;
  reader in{rest.first(length)};
  result.modules = decode<std::vector<module_info>>(in);
  in.finish();
  auto request = rest.subspan(length);
  result.request.append(request.data(), request.size());
  return result;
}

} // namespace flame::detail
