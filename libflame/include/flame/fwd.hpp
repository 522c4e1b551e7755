/// Forward declarations of everything that users name.
#pragma once

namespace flame {

enum class errc : unsigned char;

struct backend_options;
struct boot_request;
struct call_options;
struct call_stats;
struct child_info;
struct child_ref_options;
struct child_spec;
struct exit_info;
struct node_options;
struct parent_info;
struct pool_options;
struct pool_stats;
struct runner_info;
struct runner_stats;
struct supervisor_options;

class backend;
class backend_registry;
class call_error;
class child_ref;
class child_registry;
class histogram;
class instance;
class node;
class pool;
class pubsub;
class supervisor;
class tracker;

} // namespace flame

namespace flame::detail {

class buffer;
class pool_core;
class pubsub_broker;
class reader;
class writer;
struct thunk;

} // namespace flame::detail
