# What a builder may choose, and the compiler settings of our own targets.

option(BUILD_SHARED_LIBS "Build flame as a shared library" ON)
option(FLAME_BUILD_APPS "Build the example programs and apps" ${PROJECT_IS_TOP_LEVEL})
option(FLAME_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FLAME_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(FLAME_WERROR "Treat warnings as errors in flame's own build" ${PROJECT_IS_TOP_LEVEL})
option(FLAME_PCH "Use precompiled headers" ${PROJECT_IS_TOP_LEVEL})
set(FLAME_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address,undefined or thread")
option(FLAME_COVERAGE "Instrument for coverage" OFF)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

# Settings of every target of ours; consumers inherit none of them.
add_library(flame_build INTERFACE)
target_compile_features(flame_build INTERFACE cxx_std_20)
target_compile_options(flame_build INTERFACE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor)
# GCC's -Wshadow also means members, which constructors here are named after;
# and in a unity build, names of other sources are no shadows.
if(NOT CMAKE_UNITY_BUILD)
  target_compile_options(flame_build INTERFACE $<IF:$<CXX_COMPILER_ID:GNU>,-Wshadow=local,-Wshadow>)
endif()
if(FLAME_WERROR)
  target_compile_options(flame_build INTERFACE -Werror)
endif()
if(FLAME_SANITIZE)
  target_compile_options(flame_build INTERFACE -fsanitize=${FLAME_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(flame_build INTERFACE -fsanitize=${FLAME_SANITIZE})
  if(FLAME_SANITIZE MATCHES "undefined")
    # It needs a free descriptor for each look, and some tests leave none.
    target_compile_options(flame_build INTERFACE -fno-sanitize=vptr)
    # When it is compiled: at run time, forked processes would share a symbolizer.
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_compile_options(flame_build INTERFACE
        -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/support/ubsan.ignore)
    endif()
  endif()
  if(FLAME_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has fences, which GCC's ThreadSanitizer does not model.
    target_compile_options(flame_build INTERFACE -Wno-tsan)
  endif()
endif()
if(FLAME_COVERAGE)
  target_compile_options(flame_build INTERFACE --coverage)
  target_link_options(flame_build INTERFACE --coverage)
endif()

# One layer: an object library that sees its own folder and what it is given.
function(flame_layer name)
  add_library(${name} OBJECT)
  set_target_properties(${name} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PRIVATE flame_build)
  target_compile_definitions(${name} PRIVATE FLAME_BUILDING)
endfunction()

# flame_precompile(target [from]): with `from`, whose settings it shares, the
# target takes what is compiled for that.
function(flame_precompile target)
  if(FLAME_PCH AND ARGC GREATER 1)
    target_precompile_headers(${target} REUSE_FROM ${ARGV1})
  elseif(FLAME_PCH)
    target_precompile_headers(${target} PRIVATE <caf/all.hpp> <chrono> <functional> <map> <memory> <string> <vector>)
  endif()
endfunction()
