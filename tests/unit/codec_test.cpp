#include "flame/codec.hpp"

#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include <caf/all.hpp>

#include <doctest/doctest.h>

#include "support/scheduler_config.hpp"

namespace {

using flame::travels;
using flame::detail::buffer;
using flame::detail::codec_context;
using flame::detail::decode;
using flame::detail::encode;
using flame::detail::reader;
using flame::detail::writer;

template <class T>
std::vector<std::byte> bytes_of(const T& value,
                                codec_context* context = nullptr) {
  buffer out;
  writer to{out, context};
  encode(to, value);
  return {out.bytes().begin(), out.bytes().end()};
}

template <class T>
T from_bytes(std::span<const std::byte> bytes,
             codec_context* context = nullptr) {
  reader from{bytes, context};
  auto result = decode<T>(from);
  from.finish();
  return result;
}

template <class T>
T there_and_back(const T& value, codec_context* context = nullptr) {
  return from_bytes<T>(bytes_of(value, context), context);
}

template <class T>
bool survives(const T& value) {
  return there_and_back(value) == value;
}

/// What decoding `bytes` as a `T` fails with; empty if it does not.
template <class T>
std::string refusal(std::span<const std::byte> bytes) {
  try {
    from_bytes<T>(bytes);
    return {};
  } catch (const flame::call_error& error) {
    CHECK(error.code() == flame::errc::bad_payload);
    return error.what();
  }
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::byte> raw(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (auto value : values)
    result.push_back(static_cast<std::byte>(value));
  return result;
}

enum class colour : std::uint16_t { red = 7, green = 300 };
enum class answer : bool { no, yes };

struct point {
  int x;
  double y;
  friend bool operator==(const point&, const point&) = default;
};

struct record {
  std::string name;
  char tag[8];
  point corners[2][3];
  std::map<std::string, std::optional<point>> marks;
  std::array<std::string, 2> pair;
  colour paint;
  friend bool operator==(const record&, const record&) = default;
};

struct array_of_one {
  std::string names[1];
  int more;
  friend bool operator==(const array_of_one&, const array_of_one&) = default;
};

struct chain {
  int value;
  std::unique_ptr<chain> next;
};

struct tree {
  std::string name;
  std::vector<tree> branches;
  friend bool operator==(const tree&, const tree&) = default;
};

struct counted {
  int loads = 0;
  int saves = 0;
};

/// Has private state, and counts in its callbacks.
class account {
public:
  account() = default;

  account(std::string owner, int balance)
    : owner_(std::move(owner)),
      balance_(balance) {
    // nop
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, account& x) {
    auto loaded = [&]() -> caf::error {
      ++x.calls.loads;
      return x.balance_ < 0 ? make_error(caf::sec::invalid_argument)
                            : caf::error{};
    };
    auto saved = [&]() -> caf::error {
      ++x.calls.saves;
      return caf::none;
    };
    return f(caf::meta::type_name("account"), x.owner_,
             caf::meta::omittable_if_empty(), x.history_, x.balance_,
             caf::meta::load_callback(loaded), caf::meta::save_callback(saved));
  }

  friend bool operator==(const account& a, const account& b) {
    return a.owner_ == b.owner_ && a.balance_ == b.balance_
           && a.history_ == b.history_;
  }

  void add(point entry) {
    history_.push_back(entry);
  }

  counted calls;

private:
  std::string owner_;
  int balance_ = 0;
  std::vector<point> history_;
};

/// An aggregate whose author wants only one member to travel.
struct choosy {
  int kept = 0;
  int* dropped = nullptr;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, choosy& x) {
  return f(x.kept);
}

struct bank {
  std::map<int, account> accounts;
  friend bool operator==(const bank&, const bank&) = default;
};

struct scale {
  point origin;
  std::variant<point, std::string> unit;
  std::vector<std::pair<int, point>> marks;
  friend bool operator==(const scale&, const scale&) = default;
};

/// Breaks whenever it is copied.
struct brittle {
  brittle() = default;

  brittle(const brittle&) {
    throw std::runtime_error{"broken"};
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, brittle&) {
    return f(caf::meta::type_name("brittle"));
  }
};

struct tag {};

struct holds_reference {
  int& value;
};

struct holds_constant_reference {
  const std::string& value;
};

struct holds_pointer {
  int number;
  const char* text;
};

struct holds_lambda {
  decltype([] {
    return 3;
  }) callable;
  int number;
};

struct derived : point {
  int more;
};

struct with_virtual {
  virtual ~with_virtual() = default;
};

union number_or_float {
  int number;
  float real;
};

class not_inspectable {
public:
  not_inspectable() = default;

private:
  [[maybe_unused]] int value_ = 0;
};

struct no_default {
  explicit no_default(int);

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, no_default& x) {
    return f(x.value);
  }

  int value;
};

static_assert(travels<bool> && travels<char> && travels<long double>);
static_assert(travels<std::vector<std::optional<record>>>);
static_assert(travels<std::map<int, std::vector<bank>>>);
static_assert(travels<chain> && travels<tree> && travels<holds_lambda>);
static_assert(travels<choosy> && travels<const std::string>);
static_assert(travels<caf::actor> && travels<caf::strong_actor_ptr>);
static_assert(travels<caf::typed_actor<caf::reacts_to<int>>>);
static_assert(travels<caf::actor_addr> && travels<caf::node_id>);
static_assert(travels<caf::error> && travels<caf::message>);
static_assert(travels<caf::atom_value> && travels<caf::uri>);

static_assert(!travels<void> && !travels<int*> && !travels<int&>);
static_assert(!travels<std::nullptr_t> && !travels<int (*)()>);
static_assert(!travels<int tree::*>);
static_assert(!travels<std::string_view> && !travels<std::span<int>>);
static_assert(!travels<std::function<void()>> && !travels<std::thread>);
static_assert(!travels<std::shared_ptr<int>>);
static_assert(!travels<std::reference_wrapper<int>>);
static_assert(!travels<std::vector<int*>> && !travels<std::optional<int*>>);
static_assert(!travels<std::variant<int, std::string_view>>);
static_assert(!travels<std::map<std::string_view, int>>);
static_assert(!travels<std::tuple<int, int&>>);
static_assert(!travels<std::set<int, bool (*)(int, int)>>);
static_assert(!travels<std::unique_ptr<with_virtual>>);
static_assert(!travels<std::unique_ptr<int[]>>);
static_assert(!travels<holds_reference>);
static_assert(!travels<holds_constant_reference>);
static_assert(!travels<holds_pointer> && !travels<derived>);
static_assert(!travels<with_virtual> && !travels<number_or_float>);
static_assert(!travels<not_inspectable> && !travels<no_default>);

template <class T>
bool survives_limits() {
  using limits = std::numeric_limits<T>;
  return survives(limits::min()) && survives(limits::max())
         && survives(limits::lowest()) && survives(T{42});
}

TEST_CASE("numbers arrive as they were sent") {
  CHECK(survives_limits<char>());
  CHECK(survives_limits<std::int8_t>());
  CHECK(survives_limits<std::uint16_t>());
  CHECK(survives_limits<int>());
  CHECK(survives_limits<std::uint64_t>());
  CHECK(survives_limits<char32_t>());
  CHECK(survives_limits<float>());
  CHECK(survives_limits<double>());
  CHECK(survives_limits<long double>());
  CHECK(survives(true));
  CHECK(survives(false));
  CHECK(survives(colour::green));
  CHECK(survives(answer::yes));
  CHECK(survives(std::byte{200}));
  CHECK(survives(std::complex<double>{1, -2}));
}

TEST_CASE("numbers are little-endian and take no more bytes than they have") {
  CHECK(bytes_of(std::uint32_t{0x01020304}) == raw({4, 3, 2, 1}));
  CHECK(bytes_of(std::string{"ab"}) == raw({2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b'}));
  CHECK(bytes_of(point{1, 0}).size() == sizeof(int) + sizeof(double));
  CHECK(bytes_of(tag{}).empty());
}

TEST_CASE("strings and paths arrive with zeros and multi-byte characters") {
  CHECK(survives(std::string{}));
  CHECK(survives(std::string{"with\0zero", 9}));
  CHECK(survives(std::u8string{u8"Übung"}));
  CHECK(survives(std::wstring{L"wide"}));
  CHECK(survives(std::u16string{u"sixteen"}));
  CHECK(survives(std::filesystem::path{"/tmp/a b"}));
}

TEST_CASE("containers arrive with their elements in order") {
  CHECK(survives(std::vector<int>{1, 2, 3}));
  CHECK(survives(std::vector<std::uint8_t>(1000, 7)));
  CHECK(survives(std::vector<bool>{true, false, true}));
  CHECK(survives(std::vector<colour>{colour::red, colour::green}));
  CHECK(survives(std::vector<answer>{answer::yes, answer::no}));
  CHECK(survives(std::vector<long double>{1, 2.5L}));
  CHECK(survives(std::vector<std::string>{"a", "", "c"}));
  CHECK(survives(std::deque<std::string>{"a", "b"}));
  CHECK(survives(std::list<double>{1, 2}));
  CHECK(survives(std::set<std::string>{"x", "y"}));
  CHECK(survives(std::multiset<int>{1, 1, 2}));
  CHECK(survives(std::unordered_set<int>{1, 2, 3}));
  CHECK(survives(std::map<int, std::string>{{1, "one"}, {2, "two"}}));
  CHECK(survives(std::multimap<int, int>{{1, 1}, {1, 2}}));
  CHECK(survives(std::unordered_map<std::string, int>{{"a", 1}}));
  CHECK(survives(std::array<short, 3>{1, 2, 3}));
  CHECK(survives(std::array<std::string, 2>{"a", "b"}));
  CHECK(survives(std::array<int, 0>{}));
}

TEST_CASE("a vector of numbers is read from bytes of any alignment") {
  std::pair<char, std::vector<double>> value{'x', {1.5, 2.5, 3.5}};
  CHECK(survives(value));
}

TEST_CASE("sums and products arrive") {
  using sum =
    std::variant<std::monostate, int, std::string, std::vector<point>>;
  CHECK(survives(sum{}));
  CHECK(survives(sum{3}));
  CHECK(survives(sum{"text"}));
  CHECK(survives(sum{std::vector<point>{{1, 2}}}));
  CHECK(survives(std::variant<int, int>{std::in_place_index<1>, 5}));
  CHECK(survives(std::optional<std::string>{}));
  CHECK(survives(std::optional<std::optional<int>>{std::optional<int>{}}));
  CHECK(survives(std::pair<std::string, int>{"a", 1}));
  CHECK(survives(std::tuple<>{}));
  CHECK(survives(std::tuple<std::tuple<int>>{std::tuple{1}}));
  CHECK(survives(std::tuple<int, std::string, point>{1, "b", {2, 3}}));
}

TEST_CASE("durations and time points arrive") {
  using namespace std::chrono;
  CHECK(survives(milliseconds{-5}));
  CHECK(survives(duration<double>{0.25}));
  CHECK(survives(system_clock::now()));
  CHECK(survives(caf::timespan{7}));
}

TEST_CASE("aggregates arrive with arrays, containers and other aggregates") {
  record value{"name",
               "tag",
               {{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}, {9, 10}, {11, 12}}},
               {{"a", point{1, 2}}, {"b", std::nullopt}},
               {"left", "right"},
               colour::green};
  CHECK(survives(value));
  CHECK(survives(std::vector<std::optional<record>>{value, {}, value}));
  CHECK(survives(scale{{1, 2}, "cm", {{1, {3, 4}}}}));
  CHECK(survives(array_of_one{{"one"}, 1}));
  CHECK(there_and_back(holds_lambda{{}, 4}).number == 4);
}

TEST_CASE("classes with inspect arrive, in containers and aggregates too") {
  account some{"some", 3};
  some.add({1, 2});
  CHECK(survives(some));
  CHECK(survives(std::vector<account>{some, {}, some}));
  CHECK(survives(bank{{{1, some}, {2, {"other", 0}}}}));
  CHECK(survives(std::vector<std::optional<bank>>{bank{{{1, some}}}, {}}));
}

TEST_CASE("inspect wins over the members of an aggregate") {
  int local = 0;
  auto result = there_and_back(choosy{5, &local});
  CHECK(result.kept == 5);
  CHECK(result.dropped == nullptr);
}

TEST_CASE("callbacks of inspect run when they are asked for") {
  account some{"some", 3};
  auto bytes = bytes_of(some);
  CHECK(some.calls.saves == 1);
  CHECK(some.calls.loads == 0);
  auto loaded = from_bytes<account>(bytes);
  CHECK(loaded.calls.saves == 0);
  CHECK(loaded.calls.loads == 1);
}

TEST_CASE("an error of an inspect callback is told") {
  auto bytes = bytes_of(account{"debtor", -1});
  CHECK(mentions(refusal<account>(bytes), "invalid_argument"));
}

chain chain_of(int length) {
  chain head{0, nullptr};
  for (int index = 1; index < length; ++index)
    head = chain{index, std::make_unique<chain>(std::move(head))};
  return head;
}

TEST_CASE("recursive values arrive") {
  auto head = chain_of(2);
  auto result = there_and_back(head);
  REQUIRE(result.next);
  CHECK(result.value == 1);
  CHECK(result.next->value == 0);
  CHECK(!result.next->next);
  CHECK(survives(tree{"root", {{"a", {}}, {"b", {{"c", {}}}}}}));
}

TEST_CASE("what is nested too deep is refused by the sender") {
  CHECK_NOTHROW(bytes_of(chain_of(200)));
  CHECK_THROWS_WITH_AS(bytes_of(chain_of(300)),
                       doctest::Contains("nested more than 256 deep"),
                       flame::call_error);
}

TEST_CASE("what is nested too deep is refused by the receiver") {
  std::vector<std::byte> hostile;
  for (int index = 0; index < 100'000; ++index)
    for (auto value : raw({0, 0, 0, 0, 1}))
      hostile.push_back(value);
  CHECK(mentions(refusal<chain>(hostile), "nested more than 256 deep"));
  std::vector<std::byte> branches;
  for (int index = 0; index < 100'000; ++index)
    for (auto value : raw({0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}))
      branches.push_back(value);
  CHECK(mentions(refusal<tree>(branches), "nested more than 256 deep"));
}

TEST_CASE("bytes that are missing, left over or out of range are refused") {
  CHECK(mentions(refusal<int>(raw({1, 2, 3})), "the bytes end too early"));
  CHECK(mentions(refusal<int>(raw({1, 2, 3, 4, 5})), "1 bytes are left over"));
  CHECK(mentions(refusal<bool>(raw({2})), "a bool begins with 2"));
  CHECK(mentions(refusal<answer>(raw({7})), "a bool begins with 7"));
  CHECK(mentions(refusal<std::optional<tag>>(raw({3})), "an optional"));
  CHECK(mentions(refusal<std::unique_ptr<int>>(raw({9})), "a unique_ptr"));
  CHECK(
    mentions(refusal<std::variant<int, bool>>(raw({2})), "no alternative 2"));
  CHECK(mentions(refusal<std::vector<bool>>(raw({1, 0, 0, 0, 0, 0, 0, 0, 4})),
                 "a bool begins with 4"));
}

TEST_CASE("a length beyond what was sent is refused before memory is taken") {
  auto huge = raw({255, 255, 255, 255, 255, 255, 255, 127});
  CHECK(mentions(refusal<std::string>(huge), "a container cannot have"));
  CHECK(mentions(refusal<std::vector<int>>(huge), "a container cannot have"));
  CHECK(mentions(refusal<std::vector<tag>>(huge), "a container cannot have"));
  CHECK(
    mentions(refusal<std::vector<record>>(huge), "a container cannot have"));
  CHECK(mentions(refusal<std::map<tag, tag, decltype([](tag, tag) {
                                    return false;
                                  })>>(huge),
                 "a container cannot have"));
  auto wraps = raw({1, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0});
  CHECK(mentions(refusal<std::vector<int>>(wraps), "a container cannot have"));
}

TEST_CASE("empty elements are counted by what was sent for them") {
  CHECK(there_and_back(std::vector<tag>(5)).size() == 5);
  CHECK(bytes_of(std::vector<tag>(5)).size() == 8 + 5);
}

TEST_CASE("a variant that holds nothing is refused by the sender") {
  std::variant<int, brittle> value{1};
  CHECK_THROWS(value.emplace<brittle>(brittle{}));
  REQUIRE(value.valueless_by_exception());
  CHECK_THROWS_WITH_AS(bytes_of(value), doctest::Contains("without a value"),
                       flame::call_error);
}

using everything =
  std::tuple<std::vector<std::optional<record>>, bank, tree, chain,
             std::variant<int, std::string, std::vector<bool>>,
             std::vector<std::string>, std::list<tag>, std::vector<double>,
             std::unordered_map<std::string, std::deque<answer>>>;

everything sample() {
  everything result;
  auto& [records, some_bank, some_tree, some_chain, sum, texts, tags, numbers,
         answers] = result;
  records.resize(3);
  records[1] = record{"x", "y", {}, {{"k", point{1, 2}}}, {"l", "r"}, {}};
  some_bank.accounts[1] = account{"a", 5};
  some_tree = tree{"root", {{"leaf", {}}, {"twig", {{"leaf", {}}}}}};
  some_chain = chain_of(5);
  sum = std::vector<bool>{true, false};
  texts = {"one", "two", ""};
  tags.resize(4);
  numbers = {1, 2, 3};
  answers["q"] = {answer::yes, answer::no};
  return result;
}

/// Decodes what may be nonsense; whether it was taken.
bool attempt(std::span<const std::byte> bytes) {
  try {
    from_bytes<everything>(bytes);
    return true;
  } catch (const flame::call_error& error) {
    CHECK(error.code() == flame::errc::bad_payload);
    return false;
  }
}

TEST_CASE("no shortened payload is taken") {
  auto bytes = bytes_of(sample());
  CHECK(attempt(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(attempt(std::span{bytes}.first(size)));
}

TEST_CASE("changed and random payloads are refused or decoded, never worse") {
  std::mt19937 random{20240229};
  const auto original = bytes_of(sample());
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = original;
    for (auto changes = 1 + random() % 4; changes != 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (round % 3 == 0)
      bytes.resize(random() % bytes.size());
    attempt(bytes);
  }
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::byte> bytes(random() % 300);
    for (auto& value : bytes)
      value = static_cast<std::byte>(random() % 4 ? 0 : random());
    attempt(bytes);
  }
}

/// An actor system of this process, which is both sender and receiver.
class local_context : public codec_context {
public:
  explicit local_context(caf::actor_system& system) : unit_(&system) {
    // nop
  }

  caf::execution_unit* unit() override {
    return &unit_;
  }

  caf::strong_actor_ptr outgoing(caf::strong_actor_ptr handle) override {
    sent.push_back(handle);
    return replacement ? replacement : handle;
  }

  /// As on a node that the actor does not live on.
  caf::strong_actor_ptr own_actor(const caf::node_id&, caf::actor_id) override {
    return nullptr;
  }

  std::vector<caf::strong_actor_ptr> sent;
  caf::strong_actor_ptr replacement;

private:
  caf::scoped_execution_unit unit_;
};

struct fixture {
  tests::threaded_scheduling config;
  caf::actor_system system{config};
  local_context context{system};
};

caf::behavior waits(caf::event_based_actor*) {
  return {[](int value) {
    return value;
  }};
}

TEST_CASE_FIXTURE(fixture, "actor handles arrive") {
  auto some = system.spawn(waits);
  auto same = there_and_back(some, &context);
  CHECK(same == some);
  CHECK(context.sent.size() == 1);
  auto many = there_and_back(std::vector<caf::actor>{some, {}, some}, &context);
  CHECK(many.size() == 3);
  CHECK(many[2] == some);
  CHECK(!many[1]);
  CHECK(there_and_back(some.address(), &context) == some.address());
  using typed = caf::typed_actor<caf::reacts_to<int>>;
  auto pointer = caf::actor_cast<caf::strong_actor_ptr>(some);
  CHECK(there_and_back(pointer, &context) == pointer);
  CHECK(there_and_back(caf::actor_cast<typed>(pointer), &context) == pointer);
  caf::anon_send_exit(some, caf::exit_reason::user_shutdown);
}

TEST_CASE_FIXTURE(fixture, "the context chooses the handle that is sent") {
  auto some = system.spawn(waits);
  auto other = system.spawn(waits);
  context.replacement = caf::actor_cast<caf::strong_actor_ptr>(other);
  CHECK(there_and_back(some, &context) == other);
  caf::anon_send_exit(some, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(other, caf::exit_reason::user_shutdown);
}

TEST_CASE_FIXTURE(fixture, "a handle without actor system is refused") {
  auto some = system.spawn(waits);
  CHECK_THROWS_WITH_AS(bytes_of(some),
                       doctest::Contains("there is no actor system"),
                       flame::call_error);
  auto bytes = bytes_of(some, &context);
  CHECK(mentions(refusal<caf::actor>(bytes), "there is no actor system"));
  CHECK(!there_and_back(caf::actor{}));
  caf::anon_send_exit(some, caf::exit_reason::user_shutdown);
}

TEST_CASE_FIXTURE(fixture, "errors, messages, node ids and uris arrive") {
  auto error = caf::make_error(caf::sec::request_timeout, "late", 3);
  CHECK(there_and_back(error, &context) == error);
  CHECK(there_and_back(caf::error{}, &context) == caf::error{});
  auto message = caf::make_message(1, std::string{"two"}, 3.0);
  CHECK(to_string(there_and_back(message, &context)) == to_string(message));
  CHECK(there_and_back(system.node(), &context) == system.node());
  CHECK(there_and_back(caf::node_id{}) == caf::node_id{});
  auto uri = caf::make_uri("https://example.org/a");
  REQUIRE(uri);
  CHECK(there_and_back(*uri) == *uri);
  CHECK(survives(caf::atom("atom")));
}

TEST_CASE_FIXTURE(fixture, "a damaged value of CAF's is refused") {
  auto bytes = bytes_of(caf::make_message(1, std::string{"two"}), &context);
  std::mt19937 random{7};
  for (int round = 0; round < 500; ++round) {
    auto damaged = bytes;
    damaged[8 + random() % (bytes.size() - 8)] = std::byte(random() & 0x7f);
    try {
      from_bytes<caf::message>(damaged, &context);
    } catch (const flame::call_error& problem) {
      CHECK(problem.code() == flame::errc::bad_payload);
    }
  }
  bytes.pop_back();
  CHECK_THROWS_AS(from_bytes<caf::message>(bytes, &context), flame::call_error);
}

} // namespace
