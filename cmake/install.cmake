# cmake --install: the command, the libraries, their headers (below include/tpc, in the folders of the sources) and the
# CMake package `tpc`, after which find_package(tpc) gives tpc::compiler, tpc::execute ... to other projects.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tpc)
set(libraries source ir grammar compiler emit gaussian rows joint io finite learn execute)
foreach(library ${libraries})
  get_target_property(type ${library} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    # libtpc_io.a: `io` alone is too common a name for a library folder of the system.
    set_target_properties(${library} PROPERTIES OUTPUT_NAME tpc_${library})
    target_compile_features(${library} PUBLIC cxx_std_20)
  endif()
endforeach()

install(TARGETS ${libraries} tpc_llvm EXPORT tpcTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET tpc)
  install(TARGETS tpc EXPORT tpcTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY library/std DESTINATION ${CMAKE_INSTALL_DATADIR}/tpc)
install(DIRECTORY grammar compiler runtime DESTINATION include/tpc
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.def")
install(EXPORT tpcTargets NAMESPACE tpc:: DESTINATION ${package_dir})

configure_package_config_file(cmake/tpcConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/tpcConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tpcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tpcConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tpcConfigVersion.cmake
        DESTINATION ${package_dir})
