# The command from outside: exit codes, messages and files. One test for each `test_` function of run.py.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/run.py cases REGEX "^def test_")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/run.py)
foreach(case ${cases})
  string(REGEX REPLACE "^def test_([a-z0-9_]+).*" "\\1" case "${case}")
  add_test(NAME "cli: ${case}"
           COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/run.py --tpc $<TARGET_FILE:tpc> ${case})
endforeach()
