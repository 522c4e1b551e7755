#include "flame/detail/thunk.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "flame/codec.hpp"

namespace {

using flame::detail::find_thunk;
using flame::detail::module_info;
using flame::detail::program_difference;
using flame::detail::thunk;
using flame::detail::thunk_entry;
using flame::detail::thunk_kind;
using flame::detail::thunk_modules;
using flame::detail::thunk_token;

int last_called = 0;

template <class F>
struct test_thunk {
  static void run() {
    last_called = F{}();
  }

  static inline thunk registrar{thunk_kind::function, &run, false, typeid(F)};
};

template <class F>
thunk_token token_of(F) {
  return test_thunk<F>::registrar.token();
}

/// Odr-uses a thunk in a function that nothing calls.
[[maybe_unused]] thunk_token never_called() {
  struct marker {
    int operator()() const {
      return 99;
    }
  };
  return token_of(marker{});
}

bool mentions(const std::optional<std::string>& text, const char* part) {
  return text && text->find(part) != std::string::npos;
}

module_info build(std::string path, std::string id, std::uint64_t key) {
  return {std::move(path), std::move(id), key};
}

TEST_CASE("a thunk is found by its token and runs its function") {
  auto token = token_of([] {
    return 41;
  });
  auto* found = find_thunk(token);
  REQUIRE(found);
  CHECK(found->kind == thunk_kind::function);
  CHECK_FALSE(found->takes_stop_token);
  found->entry();
  CHECK(last_called == 41);
}

TEST_CASE("lambdas that look the same have thunks of their own") {
  auto first = [] {
    return 5;
  };
  auto second = [] {
    return 5;
  };
  CHECK(token_of(first) != token_of(second));
  CHECK(find_thunk(token_of(first)) != find_thunk(token_of(second)));
}

TEST_CASE("a token is the same each time and never zero") {
  auto lambda = [] {
    return 6;
  };
  auto token = token_of(lambda);
  CHECK(token == token_of(lambda));
  CHECK(token.module != 0);
  CHECK(token.offset != 0);
}

TEST_CASE("unknown tokens find nothing") {
  auto token = token_of([] {
    return 7;
  });
  CHECK(find_thunk({}) == nullptr);
  CHECK(find_thunk({token.module, token.offset + 1}) == nullptr);
  CHECK(find_thunk({token.module + 1, token.offset}) == nullptr);
}

TEST_CASE("a thunk that ends leaves the table") {
  static std::optional<thunk> passing;
  passing.emplace(thunk_kind::child, thunk_entry{nullptr}, true, typeid(int));
  auto token = passing->token();
  REQUIRE(find_thunk(token) == &*passing);
  CHECK(find_thunk(token)->takes_stop_token);
  CHECK(find_thunk(token)->name() == "int");
  passing.reset();
  CHECK(find_thunk(token) == nullptr);
}

TEST_CASE("a thunk that lies in no module has no token") {
  thunk automatic{thunk_kind::function, nullptr, false, typeid(int)};
  CHECK(automatic.token() == thunk_token{});
}

TEST_CASE("a thunk with a name has the same token wherever it lies") {
  thunk here{thunk_kind::function, nullptr,  false,
             typeid(int),          "shrink", typeid(void(int))};
  auto token = here.token();
  CHECK(here.has_name());
  CHECK(token.module == flame::detail::named_functions);
  CHECK(find_thunk(token) == &here);
  thunk copy{thunk_kind::function, nullptr,  false,
             typeid(int),          "shrink", typeid(void(int))};
  CHECK(copy.token() == token);
  CHECK(find_thunk(token) != nullptr);
}

TEST_CASE("a name stands for one signature") {
  thunk one{thunk_kind::function, nullptr,  false,
            typeid(int),          "shrink", typeid(void(int))};
  thunk other{thunk_kind::function, nullptr,  false,
              typeid(char),         "shrink", typeid(void(long))};
  CHECK(one.token() != other.token());
  CHECK(find_thunk(one.token()) == &one);
  CHECK(find_thunk(other.token()) == &other);
}

TEST_CASE("a name that different functions claim finds none of them") {
  thunk one{thunk_kind::function, nullptr,  false,
            typeid(int),          "shrink", typeid(void(int))};
  std::optional<thunk> other;
  other.emplace(thunk_kind::function, nullptr, false, typeid(char), "shrink",
                typeid(void(int)));
  CHECK(one.token() == other->token());
  CHECK(find_thunk(one.token()) == nullptr);
  other.reset();
  CHECK(find_thunk(one.token()) == &one);
}

TEST_CASE("the table can be used while thunks come and go") {
  static std::optional<thunk> passing;
  auto lasting = token_of([] {
    return 8;
  });
  std::atomic<bool> done = false;
  std::atomic<int> missed = 0;
  std::vector<std::thread> users;
  for (int index = 0; index < 3; ++index)
    users.emplace_back([&] {
      while (!done)
        missed += find_thunk(lasting) == nullptr;
    });
  for (int round = 0; round < 200; ++round) {
    passing.emplace(thunk_kind::function, nullptr, false, typeid(int));
    CHECK(find_thunk(passing->token()) == &*passing);
    passing.reset();
  }
  done = true;
  for (auto& user : users)
    user.join();
  CHECK(missed == 0);
}

TEST_CASE("the main program comes first among the modules") {
  auto modules = thunk_modules();
  REQUIRE_FALSE(modules.empty());
  CHECK(modules.front().path.front() == '/');
  CHECK_FALSE(modules.front().build_id.empty());
  CHECK(modules.front().key == token_of([] {
                                 return 9;
                               }).module);
}

TEST_CASE("what the hand-shake tells of modules can travel") {
  auto modules = thunk_modules();
  flame::detail::buffer out;
  flame::detail::writer to{out};
  flame::detail::encode(to, modules);
  flame::detail::reader from{out.bytes()};
  CHECK(flame::detail::decode<std::vector<module_info>>(from) == modules);
}

TEST_CASE("a program is no different from itself, wherever it lies") {
  CHECK(program_difference(thunk_modules(), thunk_modules()) == std::nullopt);
  CHECK(
    program_difference({build("/a/app", "11", 1)}, {build("/b/app", "11", 1)})
    == std::nullopt);
}

TEST_CASE("another build of the program is told with both build ids") {
  auto difference =
    program_difference({build("/a/app", "11", 1)}, {build("/b/app", "22", 2)});
  CHECK(mentions(difference, "/a/app (build id 11)"));
  CHECK(mentions(difference, "/b/app (build id 22)"));
}

TEST_CASE("another build of a library is told with both build ids") {
  auto app = build("/a/app", "11", 1);
  auto difference = program_difference({app, build("/a/libwork.so", "33", 3)},
                                       {app, build("/b/libwork.so", "44", 4)});
  CHECK(mentions(difference, "/a/libwork.so (build id 33)"));
  CHECK(mentions(difference, "/b/libwork.so (build id 44)"));
}

TEST_CASE("a library that only one side has loaded is no difference") {
  auto app = build("/a/app", "11", 1);
  auto plugin = build("/a/plugin.so", "33", 3);
  CHECK(program_difference({app, plugin}, {app}) == std::nullopt);
  CHECK(program_difference({app}, {app, plugin}) == std::nullopt);
}

TEST_CASE("a side without program is a difference") {
  CHECK(program_difference({}, {build("/a/app", "11", 1)}));
  CHECK(program_difference({build("/a/app", "11", 1)}, {}));
}

} // namespace
