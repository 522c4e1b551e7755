/// Forward declarations of everything that users name.
#pragma once

namespace flame {

enum class errc : unsigned char;

struct backend_options;
struct boot_request;
struct call_options;
struct exit_info;
struct node_options;
struct parent_info;
struct pool_options;
struct pool_stats;
struct runner_info;

class backend;
class backend_registry;
class call_error;
class instance;
class node;
class pool;
class tracker;

} // namespace flame

namespace flame::detail {

class buffer;
class pool_core;
class reader;
class writer;
struct thunk;

} // namespace flame::detail
