#include "uploads/board.hpp"

#include <algorithm>

namespace studio {

bool board::admit(const upload_view& view) {
  std::lock_guard guard{mutex_};
  return uploads_.size() < most_ && uploads_.emplace(view.id, view).second;
}

void board::update(const upload_view& view) {
  std::lock_guard guard{mutex_};
  if (auto i = uploads_.find(view.id); i != uploads_.end())
    i->second = view;
}

void board::remove(const std::string& id) {
  std::lock_guard guard{mutex_};
  uploads_.erase(id);
}

std::vector<upload_view> board::snapshot() const {
  std::vector<upload_view> result;
  {
    std::lock_guard guard{mutex_};
    for (auto& [id, view] : uploads_)
      result.push_back(view);
  }
  std::ranges::sort(result, {}, &upload_view::created_ms);
  return result;
}

} // namespace studio
