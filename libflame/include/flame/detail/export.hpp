#pragma once

/// Marks what leaves the library: everything else is compiled with hidden
/// visibility. Types that are thrown or cast across modules need it too.
#define FLAME_EXPORT __attribute__((visibility("default")))
