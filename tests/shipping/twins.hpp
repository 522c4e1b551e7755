#pragma once

#include "support/test_main.hpp"

namespace tests {

/// What one of the twins gets from its runners, each in another way.
struct answers {
  int from_lambda = 0;
  int from_capture = 0;
  int from_function = 0;
  int from_name = 0;
  int from_child = 0;

  bool operator==(const answers&) const = default;
};

answers first_answers(const flame::pool& pool);
answers second_answers(const flame::pool& pool);

/// Places a child and asks it once.
template <class F>
void ask_child(caf::scoped_actor& asker, const flame::pool& pool, F child,
               int& result) {
  auto placer =
    asker->spawn([=](caf::event_based_actor* self) -> caf::behavior {
      return {
        [=](int question) {
          auto answer = self->make_response_promise();
          flame::place_child(self, pool, child)
            .then(
              [=](const caf::actor& placed) mutable {
                answer.delegate(placed, question);
              },
              [=](caf::error& error) mutable {
                answer.deliver(error);
              });
          return answer;
        },
      };
    });
  asker->request(placer, 30s, 1)
    .receive(
      [&](int value) {
        result = value;
      },
      [](const caf::error& error) {
        FAIL(flame::call_error{error}.what());
      });
  asker->send_exit(placer, caf::exit_reason::user_shutdown);
}

} // namespace tests
