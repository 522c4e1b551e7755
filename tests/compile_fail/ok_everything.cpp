// What the other files forbid, done the way that their messages say.
#include <string>
#include <vector>

#include "flame/call.hpp"
#include "flame/child_registry.hpp"
#include "flame/place.hpp"

struct widget {
  int number = 1;

  int work() const;
};

std::vector<widget> take(const std::vector<int>& numbers, std::string text);

caf::behavior worker(caf::event_based_actor* self, int start,
                     const widget& what);

class worker_class : public caf::event_based_actor {
public:
  worker_class(caf::actor_config& cfg, std::string name);
};

void test_call(const flame::pool& pool, int number, std::string_view view) {
  flame::call(
    pool,
    [number](const std::string& text) {
      return text.size() + static_cast<std::size_t>(number);
    },
    view);
  flame::call(pool, flame::fn<&widget::work>, widget{number});
  flame::call(pool, take, std::vector{1, 2}, "text");
  flame::call(pool, {.link = false}, &take, std::vector{1, 2}, view);
}

void test_children(flame::child_registry& children, int& number) {
  children.add("worker", worker);
  children.add<worker_class, std::string>("class");
  // Started here alone, as it captures what cannot travel.
  children.add("local", [&number](caf::event_based_actor* child) {
    child->send(child, number);
  });
  children.add("start", [](caf::event_based_actor* supervisor, int first) {
    return supervisor->system().spawn(worker, first, widget{});
  });
}

void test_place(caf::event_based_actor* self, const flame::pool& pool,
                int number) {
  auto on_child = [](const caf::actor&) {};
  auto on_error = [](const flame::call_error&) {};
  flame::place_child(self, pool, worker, number, widget{})
    .then(on_child, on_error);
  flame::place_child(self, pool, {.link = false}, worker, number, widget{})
    .then(on_child, on_error);
  flame::place_child(self, pool, [number](caf::event_based_actor* child) {
    child->send(child, number);
  }).then(on_child, on_error);
  flame::place_child(self, pool, [](caf::stateful_actor<widget>* child) {
    child->state.number = 2;
  }).then(on_child, on_error);
  flame::place_child<worker_class>(self, pool, "name").then(on_child, on_error);
}
