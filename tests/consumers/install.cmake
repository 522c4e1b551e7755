# Installs BUILD's COMPONENTS to PREFIX, with nothing left of what was there before.
file(REMOVE_RECURSE "${PREFIX}")
foreach(component IN LISTS COMPONENTS)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}" --component "${component}"
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
