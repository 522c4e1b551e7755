# Every public header compiles alone, and twice in a row.
#
#   flame_check_headers(target)
#
# makes an object library with one source file for each public header. It takes
# no precompiled header: that would hide what a header forgets to include.
function(flame_check_headers target)
  set(include_dir "${PROJECT_SOURCE_DIR}/libflame/include")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${include_dir}"
    "${include_dir}/flame/*.hpp")
  set(sources "")
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "[.]hpp$" ".cpp" source "${out}/${header}")
    file(CONFIGURE OUTPUT "${source}" CONTENT
      "#include \"${header}\"\n#include \"${header}\" // guarded\n" @ONLY)
    list(APPEND sources "${source}")
  endforeach()

  add_library(${target} OBJECT ${sources})
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE flame_build flame::flame)
  # Only the diagnostics count.
  target_compile_options(${target} PRIVATE -O0 -g0)
endfunction()
