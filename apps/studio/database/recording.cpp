#include "database/recording.hpp"

namespace studio {

recording::recording(video_order what) : order_(std::move(what)) {
  // nop
}

void recording::begin() {
  attempt([this] {
    writer_ = open_storage(order_.storage);
    writer_->begin(order_.attempt, order_.title);
  });
}

void recording::add(const thumbnail& what) {
  attempt([&] {
    writer_->add(order_.attempt, what);
  });
}

void recording::finish(const video_facts& what) {
  attempt([&] {
    writer_->finish(order_.attempt, what);
  });
}

template <class F>
void recording::attempt(F write) {
  if (!problem_.empty())
    return;
  try {
    write();
  } catch (const database_error& error) {
    problem_ = error.what();
  }
}

} // namespace studio
