#include "uploads/board.hpp"

#include <algorithm>

namespace studio {

bool board::admit(const upload_view& view) {
  std::lock_guard guard{mutex_};
  return uploads_.size() < most_
         && uploads_.try_emplace(view.id, upload_on_board{view}).second;
}

void board::update(const upload_view& view) {
  std::lock_guard guard{mutex_};
  auto i = uploads_.find(view.id);
  if (i == uploads_.end())
    return;
  auto& [known, times] = i->second;
  if (view.thumbnails < times.size())
    times.resize(view.thumbnails);
  known = view;
}

void board::add_thumbnail(const std::string& id, std::int64_t time_ms) {
  std::lock_guard guard{mutex_};
  if (auto i = uploads_.find(id); i != uploads_.end())
    i->second.times.push_back(time_ms);
}

void board::remove(const std::string& id) {
  std::lock_guard guard{mutex_};
  uploads_.erase(id);
}

std::vector<upload_on_board> board::snapshot() const {
  std::vector<upload_on_board> result;
  {
    std::lock_guard guard{mutex_};
    for (auto& [id, upload] : uploads_)
      result.push_back(upload);
  }
  std::ranges::sort(result, {}, [](const upload_on_board& each) {
    return each.view.created_ms;
  });
  return result;
}

} // namespace studio
