#include "module_map.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <system_error>

#include <boost/uuid/detail/sha1.hpp>

#include <elf.h>
#include <link.h>

#include "flame/error.hpp"

namespace flame::detail {

namespace {

constexpr auto program_file = "/proc/self/exe";

std::string program_path() {
  std::error_code failed;
  auto path = std::filesystem::read_symlink(program_file, failed);
  return failed ? std::string{program_file} : path.string();
}

std::string to_hex(const unsigned char* bytes, std::size_t count) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (std::size_t index = 0; index < count; ++index) {
    result += digits[bytes[index] >> 4];
    result += digits[bytes[index] & 15];
  }
  return result;
}

std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

/// The build id in a segment of notes, or nothing.
std::string find_build_id(const unsigned char* notes, std::size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes, sizeof(header));
    auto name = notes + sizeof(header);
    auto name_size = padded(header.n_namesz);
    auto all = sizeof(header) + name_size + padded(header.n_descsz);
    if (all > size)
      break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4
        && std::memcmp(name, "GNU", 4) == 0)
      return to_hex(name + name_size, header.n_descsz);
    notes += all;
    size -= all;
  }
  return {};
}

void add_segment(mapped_module& module, const ElfW(Phdr) & segment) {
  auto begin = module.base + segment.p_vaddr;
  auto end = begin + segment.p_memsz;
  switch (segment.p_type) {
    case PT_LOAD:
      module.segments.push_back({begin, end});
      break;
    case PT_GNU_EH_FRAME:
      module.unwind_table = {begin, end};
      break;
    case PT_NOTE:
      if (module.build_id.empty())
        module.build_id = find_build_id(
          reinterpret_cast<const unsigned char*>(begin), segment.p_memsz);
      break;
    default:
      break;
  }
}

int add_module(dl_phdr_info* info, std::size_t, void* all) {
  auto& modules = *static_cast<std::vector<mapped_module>*>(all);
  auto& module = modules.emplace_back();
  module.is_main = modules.size() == 1;
  module.path = module.is_main ? program_path() : std::string{info->dlpi_name};
  module.base = info->dlpi_addr;
  for (int index = 0; index < info->dlpi_phnum; ++index)
    add_segment(module, info->dlpi_phdr[index]);
  return 0;
}

int read_changes(dl_phdr_info* info, std::size_t, void* changes) {
  *static_cast<std::uint64_t*>(changes) = info->dlpi_adds + info->dlpi_subs;
  return 1;
}

/// The hash of a module's file: what is mapped has been relocated.
std::string hash_of_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  boost::uuids::detail::sha1 hash;
  std::vector<char> block(1 << 16);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())),
         file.gcount() > 0)
    hash.process_bytes(block.data(), static_cast<std::size_t>(file.gcount()));
  if (!file.eof())
    throw call_error{errc::different_program,
                     "cannot read " + path
                       + ", which has no build id and must be hashed: link it "
                         "with -Wl,--build-id"};
  boost::uuids::detail::sha1::digest_type digest;
  hash.get_digest(digest);
  std::ostringstream text;
  text << "sha1:" << std::hex << std::setfill('0');
  for (auto part : digest)
    text << std::setw(2 * sizeof(part)) << static_cast<unsigned>(part);
  return text.str();
}

/// FNV-1a. The build id is a hash itself and needs no better one.
std::uint64_t key_of(const std::string& build_id) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char letter : build_id)
    hash = (hash ^ letter) * 0x100000001b3u;
  return hash == 0 || hash == named_functions ? 1 : hash;
}

/// The head of `.eh_frame_hdr`, in the one form that linkers produce.
struct unwind_head {
  std::uint8_t version;
  std::uint8_t pointer_encoding;
  std::uint8_t count_encoding;
  std::uint8_t table_encoding;
  std::int32_t frames;
  std::uint32_t count;
};

struct unwind_entry {
  std::int32_t function;
  std::int32_t frame;
};

constexpr std::uint8_t pc_relative_sdata4 = 0x1b;
constexpr std::uint8_t udata4 = 0x03;
constexpr std::uint8_t table_relative_sdata4 = 0x3b;

std::span<const unwind_entry> unwind_entries(
  const mapped_module::range& table) noexcept {
  unwind_head head;
  auto size = table.end - table.begin;
  if (size < sizeof(head))
    return {};
  std::memcpy(&head, reinterpret_cast<const void*>(table.begin), sizeof(head));
  if (head.version != 1 || head.pointer_encoding != pc_relative_sdata4
      || head.count_encoding != udata4
      || head.table_encoding != table_relative_sdata4
      || head.count > (size - sizeof(head)) / sizeof(unwind_entry))
    return {};
  return {reinterpret_cast<const unwind_entry*>(table.begin + sizeof(head)),
          head.count};
}

} // namespace

bool mapped_module::contains(std::uintptr_t address) const noexcept {
  return std::any_of(segments.begin(), segments.end(), [address](range r) {
    return r.begin <= address && address < r.end;
  });
}

bool mapped_module::has_function_at(std::uintptr_t address) const noexcept {
  auto offset = static_cast<std::int64_t>(address - unwind_table.begin);
  auto entries = unwind_entries(unwind_table);
  auto entry = std::lower_bound(entries.begin(), entries.end(), offset,
                                [](const unwind_entry& candidate, auto wanted) {
                                  return candidate.function < wanted;
                                });
  return entry != entries.end() && entry->function == offset;
}

module_info mapped_module::info() const {
  module_info result;
  result.path = path;
  result.build_id =
    build_id.empty() ? hash_of_file(is_main ? program_file : path) : build_id;
  result.key = key_of(result.build_id);
  return result;
}

std::vector<mapped_module> mapped_modules() {
  std::vector<mapped_module> result;
  dl_iterate_phdr(&add_module, &result);
  return result;
}

std::uint64_t module_changes() noexcept {
  std::uint64_t result = 0;
  dl_iterate_phdr(&read_changes, &result);
  return result;
}

} // namespace flame::detail
