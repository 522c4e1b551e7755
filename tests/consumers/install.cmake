# Installs BUILD to PREFIX, with nothing left of what was there before.
file(REMOVE_RECURSE "${PREFIX}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}" --component flame
  COMMAND_ERROR_IS_FATAL ANY)
