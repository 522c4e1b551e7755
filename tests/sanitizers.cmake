# Tests in a build with sanitizers (FLAME_SANITIZE): what they are told, which
# of them are left out, and how what is found comes to light.
#
# A runner or a worker is a process of its own, whose end a test may expect. So
# whatever a sanitizer finds in any process goes into a folder, and the test
# "reports", which is the last one, fails when there is something in it.

set(reports "${PROJECT_BINARY_DIR}/reports")
set(common "log_path=${reports}/found")
# Tests crash on purpose, and expect the signal.
foreach(signal IN ITEMS abort segv sigbus sigfpe sigill)
  string(APPEND common ":handle_${signal}=0")
endforeach()
# Runners and workers end without destructors; parents are searched for leaks.
set(sanitizer_options
  "ASAN_OPTIONS=${common}:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=${common}:print_stacktrace=1"
  "TSAN_OPTIONS=${common}")

# What checks texts or the compiler runs nothing of ours, and what measures how
# little idle runners do says nothing here.
set(left_out "compile_fail|readme|guides|soak.idle")
if(FLAME_SANITIZE MATCHES "thread")
  set(programs unit_tests actors_test calls_test pools_test pubsub_test retries_test
    streams_test supervisor_test trees_test)
  # Workers are forked from a process with one thread, and ThreadSanitizer adds
  # one of its own. The rest kills and measures what these have been through.
  string(APPEND left_out "|integration.(isolation|run|native|backend_contract)|faults|soak|chaos")
else()
  set(programs "")
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      list(APPEND programs ${target})
    endif()
  endforeach()
endif()
add_custom_target(sanitized_tests DEPENDS ${programs})

get_property(tests DIRECTORY PROPERTY TESTS)
foreach(test IN LISTS tests)
  if(test MATCHES "^(${left_out})")
    set_tests_properties(${test} PROPERTIES DISABLED ON)
  endif()
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "${sanitizer_options}")
  set_property(TEST ${test} APPEND PROPERTY FIXTURES_REQUIRED reports)
endforeach()

add_test(NAME no_reports COMMAND "${CMAKE_CURRENT_LIST_DIR}/support/reports.sh" none "${reports}")
set_tests_properties(no_reports PROPERTIES FIXTURES_SETUP reports)
add_test(NAME reports COMMAND "${CMAKE_CURRENT_LIST_DIR}/support/reports.sh" check "${reports}")
set_tests_properties(reports PROPERTIES FIXTURES_CLEANUP reports)
