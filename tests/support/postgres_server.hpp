/// A PostgreSQL server of its own for a test.
#pragma once

#include <libpq-fe.h>
#include <pwd.h>

#include "support/media_programs.hpp"

namespace tests {

/// A real server in a temporary directory, reached by a socket there and by no
/// port. It has one user, who needs a password. It ends with this object, or with
/// the test's process, however that ends.
class postgres_server {
public:
  postgres_server() {
    if (::getuid() == 0) {
      // It refuses to run as root.
      auto* other = ::getpwnam("nobody");
      REQUIRE(other);
      as_ = {"setpriv",
             "--reuid",
             std::to_string(other->pw_uid),
             "--regid",
             std::to_string(other->pw_gid),
             "--clear-groups"};
      REQUIRE(::chown((directory_ / "").c_str(), other->pw_uid, other->pw_gid)
              == 0);
    } else {
      as_ = {"setpriv"};
    }
    std::ofstream{directory_ / "password"} << password;
    fs::permissions(directory_ / "password", fs::perms::all);
    program initdb{command(
      "initdb", {"--pgdata", data(), "--username", "studio", "--pwfile",
                 directory_ / "password", "--auth", "scram-sha-256",
                 "--encoding", "UTF8", "--no-sync", "--no-instructions"})};
    REQUIRE_MESSAGE(initdb.wait() == 0, initdb.errors());
    start();
  }

  ~postgres_server() {
    // Without this, its shared memory would stay.
    if (server_) {
      auto pid = server_->pid();
      ::kill(pid, SIGINT);
      eventually(
        [pid] {
          return !runs(pid);
        },
        20s);
    }
  }

  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  void start() {
    // "" for `listen_addresses`: no port.
    server_.emplace(command(
      "postgres",
      {"-D", data(), "-k", directory_ / "", "-c", "listen_addresses=", "-c",
       "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20",
       "-c", "log_destination=stderr", "-c", "logging_collector=on"}));
    REQUIRE_MESSAGE(eventually([&] {
                      return PQping(address("").c_str()) == PQPING_OK;
                    }),
                    server_->errors());
  }

  /// Ends it at once, with its connections.
  void stop() {
    server_->signal(SIGINT);
    CHECK(server_->wait() == 0);
    server_.reset();
  }

  /// For its one user.
  std::string url() const {
    return address(":" + escaped_password());
  }

  /// With another password.
  std::string url_with(const std::string& other) const {
    return address(":" + other);
  }

  /// As URLs have it.
  static std::string escaped_password() {
    return "s3cr%2Ft%40";
  }

  static constexpr const char* password = "s3cr/t@";

private:
  std::string data() const {
    return directory_ / "data";
  }

  std::string address(const std::string& more) const {
    return "postgresql://studio" + more + "@/postgres?host=" + directory_ / "";
  }

  /// One of the server's programs, which is killed when the test is.
  std::vector<std::string> command(const std::string& name,
                                   std::vector<std::string> arguments) const {
    auto result = as_;
    result.insert(result.end(), {"--pdeathsig", "QUIT", program_path(name)});
    result.insert(result.end(), arguments.begin(), arguments.end());
    return result;
  }

  /// Debian has its versions side by side, and none in PATH.
  static std::string program_path(const std::string& name) {
    std::set<std::string> found;
    std::error_code none;
    for (auto& each : fs::directory_iterator{"/usr/lib/postgresql", none})
      if (fs::exists(each.path() / "bin" / name))
        found.insert((each.path() / "bin" / name).string());
    return found.empty() ? name : *found.rbegin();
  }

  temporary_directory directory_;
  std::vector<std::string> as_;
  std::optional<program> server_;
};

} // namespace tests
