# One test for every conformance case, run by run.py. The cases come from ../shared/conformance where that stands beside
# the checkout, and from the copy in this folder elsewhere.
set(cases ${CMAKE_CURRENT_LIST_DIR})
if(EXISTS ${PROJECT_SOURCE_DIR}/../shared/conformance/run.py)
  get_filename_component(cases ${PROJECT_SOURCE_DIR}/../shared/conformance ABSOLUTE)
endif()

# Not yet within reach: the limit without GIA.
set(waiting exact_average_square)

file(GLOB kernels CONFIGURE_DEPENDS RELATIVE ${cases}/kernels ${cases}/kernels/*)
file(GLOB verdicts CONFIGURE_DEPENDS RELATIVE ${cases}/verdicts ${cases}/verdicts/*.tp)
foreach(case ${kernels} ${verdicts})
  if(case IN_LIST waiting)
    continue()
  endif()
  add_test(NAME "conformance: ${case}"
           COMMAND ${TPC_PYTHON} ${cases}/run.py --tpc $<TARGET_FILE:tpc> --dir ${cases} --filter ${case})
  # A filter that meets no case is a failure, not a success.
  set_tests_properties("conformance: ${case}" PROPERTIES FAIL_REGULAR_EXPRESSION "(^|\n)0 passed")
endforeach()
