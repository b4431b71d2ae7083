# Installs the build to a fresh prefix, then configures, builds and runs the project of this folder against it.
add_test(NAME "consumer: find_package(tpc)"
         COMMAND ${CMAKE_COMMAND} -D BUILD=${PROJECT_BINARY_DIR} -D SOURCE=${CMAKE_CURRENT_LIST_DIR} -D CONFIG=$<CONFIG>
                 -D GENERATOR=${CMAKE_GENERATOR} -D COMPILER=${CMAKE_CXX_COMPILER} -D C_COMPILER=${CMAKE_C_COMPILER}
                 -D SCRATCH=${CMAKE_CURRENT_BINARY_DIR}/consumer -P ${CMAKE_CURRENT_LIST_DIR}/build.cmake)
