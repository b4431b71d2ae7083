# The language from outside: one test for each script of this folder that takes --tpc.
set(scripts imports library fmt highlight recovery snippets)
foreach(script ${scripts})
  add_test(NAME "language: ${script}" COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/${script}.py --tpc $<TARGET_FILE:tpc>)
endforeach()
