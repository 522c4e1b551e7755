# The one library that users link: `flame::flame`, made of the layers' objects,
# and everything that finds it once it is installed.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

option(FLAME_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})

add_library(flame
  $<TARGET_OBJECTS:flame_core>
  $<TARGET_OBJECTS:flame_actors>
  $<TARGET_OBJECTS:flame_backends>)
add_library(flame::flame ALIAS flame)

# While the major version is 0, a new minor one may break programs.
set(flame_soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(flame_soversion 0.${PROJECT_VERSION_MINOR})
endif()
set_target_properties(flame PROPERTIES
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${flame_soversion})

# Within another project our headers are third-party code.
set(flame_system "")
if(NOT PROJECT_IS_TOP_LEVEL)
  set(flame_system SYSTEM)
endif()
target_include_directories(flame ${flame_system} INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/libflame/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(flame INTERFACE cxx_std_20)

# Parent and runner compare build ids, so every program needs one.
target_link_options(flame PUBLIC -Wl,--build-id)

target_link_libraries(flame PUBLIC CAF::core CAF::io Boost::headers Threads::Threads)
target_link_libraries(flame PRIVATE $<BUILD_INTERFACE:flame_build>)

# What only our sources include. An installed static library hands these on to
# the linker, and to nothing else; an installed shared one does not name them.
set(flame_private_targets yaml-cpp spdlog::spdlog)
set(flame_private_libraries yaml-cpp spdlog fmt)
if(TARGET OpenSSL::SSL)
  list(APPEND flame_private_targets OpenSSL::SSL OpenSSL::Crypto)
  list(APPEND flame_private_libraries ssl crypto)
endif()
get_target_property(flame_type flame TYPE)
if(flame_type STREQUAL "STATIC_LIBRARY")
  set(FLAME_STATIC ON)
  target_link_libraries(flame PRIVATE ${flame_private_targets})
else()
  set(FLAME_STATIC OFF)
  foreach(flame_target IN LISTS flame_private_targets)
    target_link_libraries(flame PRIVATE $<BUILD_INTERFACE:${flame_target}>)
  endforeach()
endif()

if(NOT FLAME_INSTALL)
  return()
endif()

set(flame_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/flame")

install(TARGETS flame EXPORT flameTargets COMPONENT flame)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/libflame/include/"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT flame
  FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/config/flame.schema.json"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/flame" COMPONENT flame)
install(EXPORT flameTargets NAMESPACE flame::
  DESTINATION "${flame_cmake_dir}" COMPONENT flame)

set(FLAME_WITH_OPENSSL OFF)
if(TARGET OpenSSL::SSL)
  set(FLAME_WITH_OPENSSL ON)
endif()
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/flameConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/flameConfig.cmake"
  INSTALL_DESTINATION "${flame_cmake_dir}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/flameConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/flameConfig.cmake"
  "${PROJECT_BINARY_DIR}/flameConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/FindCAF.cmake"
  DESTINATION "${flame_cmake_dir}" COMPONENT flame)

# pkg-config. Whoever links a static libflame needs all of its libraries without
# having to know to ask for --static.
list(TRANSFORM flame_private_libraries PREPEND "-l")
list(JOIN flame_private_libraries " " flame_private_libraries)
set(FLAME_PC_LIBS "")
set(FLAME_PC_LIBS_PRIVATE "${flame_private_libraries}")
if(FLAME_STATIC)
  set(FLAME_PC_LIBS " ${flame_private_libraries}")
  set(FLAME_PC_LIBS_PRIVATE "")
endif()

# Where CAF and Boost are, unless the compiler looks there anyway.
set(FLAME_PC_CFLAGS "")
foreach(flame_dir IN ITEMS "${CAF_INCLUDE_DIR}" "${Boost_INCLUDE_DIRS}")
  if(flame_dir AND NOT flame_dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    string(APPEND FLAME_PC_CFLAGS " -isystem ${flame_dir}")
  endif()
endforeach()
set(FLAME_PC_LIBDIRS "")
get_filename_component(flame_dir "${CAF_core_LIBRARY}" DIRECTORY)
if(NOT flame_dir IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
  set(FLAME_PC_LIBDIRS " -L${flame_dir}")
endif()

# The prefix is found from where the file lies, so that an installation can be
# moved, unless libdir is absolute.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(FLAME_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH flame_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" flame_up "${flame_up}")
  set(FLAME_PC_PREFIX "\${pcfiledir}/${flame_up}")
endif()
foreach(flame_part IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${flame_part}}")
    set(FLAME_PC_${flame_part} "${CMAKE_INSTALL_${flame_part}}")
  else()
    set(FLAME_PC_${flame_part} "\${prefix}/${CMAKE_INSTALL_${flame_part}}")
  endif()
endforeach()
configure_file("${CMAKE_CURRENT_LIST_DIR}/flame.pc.in"
  "${PROJECT_BINARY_DIR}/flame.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/flame.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT flame)
