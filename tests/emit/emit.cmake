# Emitted kernels, compiled and compared with `tpc kernel`.
set(script ${CMAKE_CURRENT_LIST_DIR}/run.py)
file(STRINGS ${script} cases REGEX "^(    \"[a-z_]+\": \\(|def test_)")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
foreach(case ${cases})
  string(REGEX REPLACE "^(    \"|def test_)([a-z_]+).*" "\\2" case "${case}")
  add_test(NAME "emit: ${case}" COMMAND ${TPC_PYTHON} ${script} --tpc $<TARGET_FILE:tpc> --cxx ${CMAKE_CXX_COMPILER} ${case})
endforeach()
