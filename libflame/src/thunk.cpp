#include "flame/detail/thunk.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/core/demangle.hpp>
#include <fmt/format.h>

#include "flame/error.hpp"
#include "module_map.hpp"

namespace flame::detail {

/// All thunks that are registered. Thunks of any module register while static
/// objects are being constructed, in no particular order: everything here is
/// initialised at compile time and has no destructor.
struct thunk_list {
  static std::mutex mutex;
  static thunk* first;
  static std::atomic<std::uint64_t> changes;

  static void add(thunk& entry) noexcept {
    std::lock_guard guard{mutex};
    entry.next_ = first;
    if (first)
      first->previous_ = &entry;
    first = &entry;
    ++changes;
  }

  static void remove(thunk& entry) noexcept {
    std::lock_guard guard{mutex};
    (entry.previous_ ? entry.previous_->next_ : first) = entry.next_;
    if (entry.next_)
      entry.next_->previous_ = entry.previous_;
    ++changes;
  }

  /// All thunks, if there have been no changes since they were `seen`.
  static std::optional<std::vector<const thunk*>> copy_if_still(
    std::uint64_t seen) {
    std::lock_guard guard{mutex};
    if (changes != seen)
      return std::nullopt;
    std::vector<const thunk*> result;
    for (auto* entry = first; entry; entry = entry->next_)
      result.push_back(entry);
    return result;
  }
};

constinit std::mutex thunk_list::mutex;
constinit thunk* thunk_list::first = nullptr;
constinit std::atomic<std::uint64_t> thunk_list::changes = 0;

namespace {

std::uintptr_t address_of(const void* object) {
  return reinterpret_cast<std::uintptr_t>(object);
}

/// FNV-1a, which is the same in every build. 64 bits are enough for the few
/// names of a program.
std::uint64_t hash_of(std::string_view name, std::string_view signature) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  auto add = [&hash](std::string_view text) {
    for (unsigned char letter : text)
      hash = (hash ^ letter) * 0x100000001b3u;
  };
  add(name);
  add(" ");
  add(signature);
  return hash;
}

struct known_module {
  mapped_module mapped;
  bool has_thunks = false;

  /// Missing where only the hash of the file would tell and nobody has asked:
  /// to hash every library takes long, and most have no thunks.
  std::optional<module_info> info = std::nullopt;

  module_info ask_info() const {
    return info ? *info : mapped.info();
  }
};

/// The table as it was at one time. Never changes, so that any thread may use
/// it while a newer one is made.
struct thunk_index {
  std::uint64_t thunk_changes = 0;
  std::uint64_t module_changes = 0;
  std::vector<known_module> modules;
  std::map<thunk_token, const thunk*> thunks;

  const known_module* module_at(std::uintptr_t address) const {
    return module_at(modules, address);
  }

  void add_modules(std::vector<mapped_module>&& mapped) {
    modules.clear();
    for (auto& module : mapped) {
      auto& added = modules.emplace_back();
      added.mapped = std::move(module);
      if (added.mapped.is_main || !added.mapped.build_id.empty())
        added.info = added.mapped.info();
    }
  }

  void add(const thunk* entry) {
    if (entry->has_name())
      return add_name(entry);
    auto address = address_of(entry);
    auto* module = module_at(modules, address);
    if (!module)
      return;
    module->has_thunks = true;
    module->info = module->ask_info();
    thunks.emplace(
      thunk_token{module->info->key, address - module->mapped.base}, entry);
  }

private:
  /// Copies of one function in several modules are no matter. Different ones of
  /// the same name are: none of them is found.
  void add_name(const thunk* entry) {
    auto [found, is_new] = thunks.emplace(entry->token(), entry);
    if (!is_new && found->second && !found->second->is_same_callable(*entry))
      found->second = nullptr;
  }

  template <class Modules>
  static auto module_at(Modules& all, std::uintptr_t address)
    -> decltype(all.data()) {
    for (auto& module : all)
      if (module.mapped.contains(address))
        return &module;
    return nullptr;
  }
};

/// A module that is loaded registers its thunks afterwards. So if none has been
/// registered since the modules were listed, all have their module in the list.
std::shared_ptr<const thunk_index> make_index() {
  auto result = std::make_shared<thunk_index>();
  std::optional<std::vector<const thunk*>> entries;
  while (!entries) {
    result->thunk_changes = thunk_list::changes;
    result->module_changes = module_changes();
    result->add_modules(mapped_modules());
    entries = thunk_list::copy_if_still(result->thunk_changes);
  }
  for (auto* entry : *entries)
    result->add(entry);
  return result;
}

/// The latest index. Never destroyed: static destructors of other modules may
/// still ask.
struct index_cache {
  std::mutex mutex;
  std::shared_ptr<const thunk_index> latest;

  static index_cache& instance() {
    static auto* result = new index_cache;
    return *result;
  }
};

std::shared_ptr<const thunk_index> index_of_thunks() {
  auto& cache = index_cache::instance();
  std::lock_guard guard{cache.mutex};
  if (!cache.latest || cache.latest->thunk_changes != thunk_list::changes)
    cache.latest = make_index();
  return cache.latest;
}

/// As `index_of_thunks`, and all modules are in it, even those without thunks.
std::shared_ptr<const thunk_index> index_of_modules() {
  auto& cache = index_cache::instance();
  auto now = module_changes();
  std::lock_guard guard{cache.mutex};
  if (!cache.latest || cache.latest->thunk_changes != thunk_list::changes
      || cache.latest->module_changes != now)
    cache.latest = make_index();
  return cache.latest;
}

[[noreturn]] void refuse_function(const std::string& message) {
  throw call_error{errc::unknown_function, message};
}

bool has_key(const known_module& module, std::uint64_t key) {
  if (module.info)
    return module.info->key == key;
  // The kernel's own module has no file.
  return std::filesystem::exists(module.mapped.path)
         && module.mapped.info().key == key;
}

std::string named(const module_info& module) {
  return module.path + " (build id " + module.build_id + ")";
}

std::string file_name(const module_info& module) {
  return std::filesystem::path{module.path}.filename().string();
}

/// The module of `theirs` that is `ours` in another build, or null.
const module_info* other_build(const module_info& ours,
                               const std::vector<module_info>& theirs) {
  const module_info* result = nullptr;
  for (auto& module : theirs) {
    if (module.key == ours.key && module.build_id == ours.build_id)
      return nullptr;
    if (file_name(module) == file_name(ours))
      result = &module;
  }
  return result;
}

} // namespace

thunk::thunk(thunk_kind kind, thunk_entry entry, bool takes_stop_token,
             const std::type_info& callable) noexcept
  : kind(kind),
    entry(entry),
    takes_stop_token(takes_stop_token),
    callable_(callable) {
  thunk_list::add(*this);
}

thunk::thunk(thunk_kind kind, thunk_entry entry, bool takes_stop_token,
             const std::type_info& callable, std::string_view name,
             const std::type_info& signature) noexcept
  : kind(kind),
    entry(entry),
    takes_stop_token(takes_stop_token),
    callable_(callable),
    module_(named_functions),
    offset_(hash_of(name, signature.name())) {
  thunk_list::add(*this);
}

thunk::~thunk() {
  thunk_list::remove(*this);
}

std::string thunk::name() const {
  return boost::core::demangle(callable_.name());
}

thunk_token thunk::token() const {
  if (auto key = module_.load(std::memory_order_acquire); key != 0)
    return {key, offset_.load(std::memory_order_relaxed)};
  auto index = index_of_thunks();
  auto* module = index->module_at(address_of(this));
  if (!module)
    return {};
  thunk_token result{module->ask_info().key,
                     address_of(this) - module->mapped.base};
  offset_.store(result.offset, std::memory_order_relaxed);
  module_.store(result.module, std::memory_order_release);
  return result;
}

const thunk* find_thunk(thunk_token token) {
  auto index = index_of_thunks();
  auto found = index->thunks.find(token);
  return found == index->thunks.end() ? nullptr : found->second;
}

std::string unknown_thunk(thunk_token token, std::string_view what) {
  if (token.module == named_functions)
    return "the runner's build has no FLAME_FUNCTION with the name and "
           "signature of the one that was called";
  return fmt::format("the runner has no {} {:016x}+{:x}: it stands in a module "
                     "that the parent has loaded and the runner has not",
                     what, token.module, token.offset);
}

thunk_token token_of_function(const void* address) {
  auto index = index_of_modules();
  auto* module = index->module_at(address_of(address));
  if (!module || !module->mapped.has_function_at(address_of(address)))
    refuse_function("a function pointer cannot be named for another process: "
                    "no module says that a function begins there; pass "
                    "flame::fn<&function>, or a lambda that calls it");
  return {module->ask_info().key, address_of(address) - module->mapped.base};
}

const void* find_function(thunk_token token) {
  auto index = index_of_modules();
  for (auto& module : index->modules) {
    if (!has_key(module, token.module))
      continue;
    auto address = module.mapped.base + token.offset;
    if (module.mapped.contains(address)
        && module.mapped.has_function_at(address))
      return reinterpret_cast<const void*>(address);
  }
  refuse_function("no function begins where the function pointer says: the "
                  "module that it lies in is not loaded here");
}

std::vector<module_info> thunk_modules() {
  std::vector<module_info> result;
  auto index = index_of_thunks();
  for (auto& module : index->modules)
    if (module.mapped.is_main || module.has_thunks)
      result.push_back(module.ask_info());
  return result;
}

std::optional<std::string> program_difference(
  const std::vector<module_info>& ours,
  const std::vector<module_info>& theirs) {
  if (ours.empty() || theirs.empty())
    return "one side names no program at all";
  auto& here = ours.front();
  auto& there = theirs.front();
  if (here.key != there.key || here.build_id != there.build_id)
    return "the programs are not the same: here runs " + named(here)
           + ", there runs " + named(there);
  for (auto& module : ours)
    if (auto* other = other_build(module, theirs))
      return "a library is not the same: here it is " + named(module)
             + ", there it is " + named(*other);
  return std::nullopt;
}

} // namespace flame::detail
