# Every program of examples/ is checked and evaluated on small random data. A new example needs a line in run.py.
file(GLOB examples CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/examples ${PROJECT_SOURCE_DIR}/examples/*.tp)
foreach(example ${examples})
  add_test(NAME "example: ${example}"
           COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/run.py --tpc $<TARGET_FILE:tpc> ${PROJECT_SOURCE_DIR}/examples/${example})
endforeach()
