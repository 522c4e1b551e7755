#include "flame/detail/closure.hpp"

#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace {

using flame::detail::buffer;
using flame::detail::decode_callable;
using flame::detail::encode;
using flame::detail::encode_callable;
using flame::detail::plain_capture;
using flame::detail::reader;
using flame::detail::shippable_callable;
using flame::detail::thunk_token;
using flame::detail::writer;

template <class F>
buffer bytes_of(const F& callable) {
  buffer out;
  writer to{out};
  encode_callable(to, callable);
  return out;
}

template <class F>
F there_and_back(const F& callable) {
  auto bytes = bytes_of(callable);
  reader from{bytes.bytes()};
  auto result = decode_callable<F>(from);
  from.finish();
  return result;
}

struct colour {
  unsigned char red, green, blue;
};

/// Its state is not plain, and its author says how it travels.
struct joiner {
  std::string separator;
  std::vector<std::string> parts;

  std::string operator()() const {
    std::string result;
    for (auto& part : parts)
      result += part + separator;
    return result;
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, joiner& x) {
    return f(x.separator, x.parts);
  }
};

int twice(int value) {
  return 2 * value;
}

int thrice(int value) noexcept {
  return 3 * value;
}

struct adder {
  int base;

  int plus(int value) const {
    return base + value;
  }
};

template <class F>
constexpr bool ships(const F&) {
  return shippable_callable<F>;
}

/// Volatile, or the captures become part of the closure's type.
volatile int seven = 7;

TEST_CASE("a lambda without captures takes no bytes") {
  auto lambda = [](int value) {
    return value + 1;
  };
  CHECK(bytes_of(lambda).empty());
  CHECK(there_and_back(lambda)(1) == 2);
}

TEST_CASE("plain captures arrive by value") {
  int number = seven;
  auto lambda = [number, real = 2.5, flag = true, paint = colour{1, 2, 3},
                 list = std::array{4, 5}](int value) {
    return number + real + flag + paint.blue + list[1] + value;
  };
  CHECK(bytes_of(lambda).size() == sizeof(lambda));
  CHECK(there_and_back(lambda)(1) == lambda(1));
}

TEST_CASE("a mutable lambda arrives in the state that it is in") {
  auto count = [state = int{seven}]() mutable {
    return ++state;
  };
  count();
  auto copy = there_and_back(count);
  CHECK(copy() == 9);
  CHECK(count() == 9);
}

TEST_CASE("a lambda within a lambda arrives") {
  auto inner = [base = int{seven}](int value) {
    return base * value;
  };
  auto outer = [inner](int value) {
    return inner(value) + 1;
  };
  CHECK(there_and_back(outer)(2) == 15);
}

TEST_CASE("a callable class arrives the way that its inspect says") {
  joiner join{", ", {"a", "b"}};
  CHECK(there_and_back(join)() == "a, b, ");
}

TEST_CASE("flame::fn calls the function that it names and takes no bytes") {
  CHECK(bytes_of(flame::fn<&twice>).empty());
  CHECK(there_and_back(flame::fn<&twice>)(4) == 8);
  CHECK(flame::fn<&adder::plus>(adder{3}, 4) == 7);
}

TEST_CASE("standard function objects arrive") {
  CHECK(there_and_back(std::plus<int>{})(1, 2) == 3);
}

TEST_CASE("function pointers arrive as pointers to the same function") {
  CHECK((there_and_back(&twice) == &twice));
  CHECK(there_and_back(&thrice)(5) == 15);
  int (*from_lambda)(int) = [](int value) {
    return value - 1;
  };
  CHECK(there_and_back(from_lambda)(5) == 4);
  double (*in_a_library)(double) = &std::cbrt;
  CHECK(there_and_back(in_a_library)(27.0) == doctest::Approx(3.0));
}

TEST_CASE("a null function pointer is refused by the sender") {
  int (*none)(int) = nullptr;
  CHECK_THROWS_WITH_AS(bytes_of(none), doctest::Contains("null"),
                       flame::call_error);
}

void check_refused(thunk_token token) {
  buffer out;
  writer to{out};
  encode(to, token);
  reader from{out.bytes()};
  try {
    decode_callable<int (*)(int)>(from);
    FAIL("an address was taken");
  } catch (const flame::call_error& error) {
    CHECK(error.code() == flame::errc::unknown_function);
  }
}

TEST_CASE("an address where no function begins is never called") {
  auto address = reinterpret_cast<const void*>(&twice);
  auto good = flame::detail::token_of_function(address);
  check_refused({good.module, good.offset + 1});
  check_refused({good.module, 0});
  check_refused({good.module, ~std::uint64_t{0}});
  check_refused({good.module + 1, good.offset});
  check_refused({0, 0});
}

TEST_CASE("data is not a function") {
  static int data = 3;
  auto not_code = reinterpret_cast<int (*)(int)>(&data);
  CHECK_THROWS_WITH_AS(bytes_of(not_code), doctest::Contains("flame::fn"),
                       flame::call_error);
}

TEST_CASE("captures that refer to this process do not ship") {
  int number = 3;
  int* pointer = &number;
  std::string text = "text";
  std::string_view view = text;
  std::span<int> span{pointer, 1};
  CHECK_FALSE(ships([&number] {
    return number;
  }));
  CHECK_FALSE(ships([pointer] {
    return *pointer;
  }));
  CHECK_FALSE(ships([text] {
    return text;
  }));
  CHECK_FALSE(ships([view] {
    return view.size();
  }));
  CHECK_FALSE(ships([span] {
    return span.size();
  }));
  CHECK_FALSE(ships([r = std::ref(number)] {
    return r.get();
  }));
  CHECK_FALSE(ships([inner = [&number] {
    return number;
  }] {
    inner();
  }));
#ifdef __clang__
  // GCC 12 does not look into arrays: see plain_capture.
  CHECK_FALSE(ships([nested = std::array{pointer}] {
    return nested.size();
  }));
#endif
  CHECK_FALSE(shippable_callable<std::function<void()>>);
  CHECK_FALSE(shippable_callable<int (adder::*)(int) const>);
}

TEST_CASE("truncated captures are refused") {
  auto lambda = [number = int{seven}] {
    return number;
  };
  auto bytes = bytes_of(lambda);
  reader from{bytes.bytes().first(3)};
  CHECK_THROWS_AS(decode_callable<decltype(lambda)>(from), flame::call_error);
}

} // namespace
