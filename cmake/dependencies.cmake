# Everything comes from Debian 12's packages; docs/dependencies.md says why each is there.
find_package(Boost 1.74 REQUIRED)
find_package(LLVM 14 REQUIRED CONFIG)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(TBB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(isl REQUIRED IMPORTED_TARGET isl)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(lapacke REQUIRED IMPORTED_TARGET lapacke openblas)

# Statically: the shared libLLVM costs 15 ms at every start.
llvm_map_components_to_libnames(TPC_LLVM_LIBRARIES support)
add_library(tpc_llvm INTERFACE)
target_include_directories(tpc_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_link_libraries(tpc_llvm INTERFACE ${TPC_LLVM_LIBRARIES})
