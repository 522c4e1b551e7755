#pragma once

#include <functional>
#include <string>
#include <thread>

namespace web {

/// Starts a thread that takes none of the signals that are sent to the process:
/// these are for the program's own threads.
/// @param name what is longer than 15 bytes is cut
std::thread start_thread(std::string name, std::function<void()> body);

} // namespace web
