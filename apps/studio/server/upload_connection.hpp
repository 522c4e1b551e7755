/// The WebSocket that carries one upload.
#pragma once

#include <chrono>

#include <boost/asio/steady_timer.hpp>

#include "uploads/checks.hpp"
#include "uploads/uploads.hpp"
#include "web/connection.hpp"

namespace studio {

/// What uploads are bounded by, and where they go.
struct upload_desk {
  caf::actor_system& system;
  flame::supervisor supervisor;
  std::shared_ptr<const workplace> where;
  std::filesystem::path directory;
  std::uint64_t max_size = 0;
  std::chrono::milliseconds stall_timeout{0};
};

/// The browser announces a file, `{"name": ..., "size": ...}`, and gets `{"type":
/// "go", "id": ..., "received": ..., "until": ...}`, now and whenever there is
/// room for more. It sends the bytes up to `until`, in messages of at most 256
/// KiB, and no more before it may: so the browser's file is what waits for a
/// slow runner, and the connection is always read, which tells at once when the
/// browser leaves. `{"type": "end", "done": ..., "problem": ...}` is the last
/// that it hears. The upload ends with the connection, or when the browser could
/// send something and has not for `stall_timeout`.
class upload_connection final : public web::connection {
public:
  upload_connection(web::byte_stream&& stream,
                    std::shared_ptr<const upload_desk> desk);

  ~upload_connection() override;

protected:
  void opened() override;
  void received_text(std::string_view text) override;
  void received_bytes(std::string_view bytes) override;

private:
  void begin(const announcement& what);
  void grant();
  void watch_for_stall();
  void refuse(const std::string& problem);
  void end(const upload_ended& how);
  void tell_end(const upload_ended& how);

  std::shared_ptr<const upload_desk> desk_;
  std::shared_ptr<upload_job> job_;
  caf::actor owner_;
  std::uint64_t granted_ = 0;
  /// Runs while something is to come.
  boost::asio::steady_timer stall_;
  bool is_over_ = false;
};

} // namespace studio
