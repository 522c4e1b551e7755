// Together with its twin: everything here but the answer is the same there.
#include "twins.hpp"

namespace {

int answer() {
  return 1;
}

int from_lambda(const flame::pool& pool) {
  return flame::call(pool, [] {
    return answer();
  });
}

int from_capture(const flame::pool& pool, int factor) {
  return flame::call(
    pool,
    [factor](int offset) {
      return factor * answer() + offset;
    },
    0);
}

int from_function(const flame::pool& pool) {
  return flame::call(pool, answer);
}

int from_name(const flame::pool& pool) {
  return flame::call(pool, flame::fn<&answer>);
}

int from_child(const flame::pool& pool) {
  caf::scoped_actor asker{tests::node().system()};
  auto result = 0;
  tests::ask_child(
    asker, pool,
    [](caf::event_based_actor*) -> caf::behavior {
      return {
        [](int factor) {
          return factor * answer();
        },
      };
    },
    result);
  return result;
}

} // namespace

tests::answers tests::first_answers(const flame::pool& pool) {
  return {from_lambda(pool), from_capture(pool, 1), from_function(pool),
          from_name(pool), from_child(pool)};
}
