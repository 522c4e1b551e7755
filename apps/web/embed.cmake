# Writes a source that has the files of the page in it.
#
#   cmake -DOUT=assets.cpp -DHEADER=assets.hpp -DNAMESPACE=n -DFILES=a;b -P embed.cmake
#
# HEADER declares `assets`.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays "")
set(table "")
set(n 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  get_filename_component(extension "${file}" LAST_EXT)
  string(SUBSTRING "${extension}" 1 -1 extension)
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${file}: no content type is known for .${extension}")
  endif()
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char body_${n}[] = {${bytes}};\n")
  string(APPEND table
    "  {\"${path}\", \"${type_${extension}}\", {body_${n}, sizeof(body_${n})}},\n")
  math(EXPR n "${n} + 1")
endforeach()

file(WRITE "${OUT}" "#include \"${HEADER}\"

namespace ${NAMESPACE} {

namespace {

${arrays}
constexpr web::asset table[] = {
${table}};

} // namespace

std::span<const web::asset> assets() noexcept {
  return table;
}

} // namespace ${NAMESPACE}
")
