/// Functions with a name that stays the same from build to build.
///
/// A call names its function by where it lies in the program, so parent and
/// runner have to be the same build, and the hand-shake sees to that. Where two
/// builds must work together - runners that are rolled out after the parent, a
/// runner that is built for another machine - functions are called by names
/// instead:
///
///     int resize(const picture& from, int width);
///     FLAME_FUNCTION(resize)
///
///     auto pool = node.pool("ffmpeg", {.allow_different_builds = true});
///     flame::call(pool, flame::fn<&resize>, picture, 640);
///
/// On such a pool every other call, and every child, is refused before anything
/// is sent. Name and signature have to be the same in both builds, the body may
/// differ. So may nothing about what the types of arguments and result consist
/// of: that is not checked, and a value may arrive as another one. Both builds
/// use the same version of flame.
#pragma once

#include "flame/detail/named_call.hpp"

/// Gives a function a name that another build of the program knows, too: its
/// own, as it stands here. Belongs after the function's declaration, outside of
/// all namespaces, where callers see it: `FLAME_FUNCTION(media::resize)`. A
/// program has one function of each name, and it is not overloaded.
#define FLAME_FUNCTION(function)                                               \
  template <>                                                                  \
  struct flame::detail::function_name<&(function)> {                           \
    static inline const ::flame::detail::thunk registrar =                     \
      ::flame::detail::named_call<&(function)>::make_thunk(#function);         \
  };
