# What `cmake --install` puts where, and the package that find_package(whence) finds there.
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY WHENCE_LIBRARIES)

# whence::whence is all of it.
add_library(whence_whence INTERFACE)
add_library(whence::whence ALIAS whence_whence)
target_link_libraries(whence_whence INTERFACE ${libraries})
target_sources(whence_whence INTERFACE FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/src" FILES "${PROJECT_SOURCE_DIR}/src/whence/whence.h")
set_target_properties(whence_whence PROPERTIES EXPORT_NAME whence)

# A static library names what it was linked with. Header-only packages leave nothing to link, and the
# path of a file on this machine means nothing on another: the package looks for it again.
set(header_only nlohmann_json::nlohmann_json Eigen3::Eigen CLI11::CLI11)
foreach(library IN LISTS libraries)
    get_target_property(links ${library} INTERFACE_LINK_LIBRARIES)
    set(kept)
    foreach(link IN LISTS links)
        string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" target "${link}")
        if(target IN_LIST header_only)
            continue()
        elseif(target MATCHES "/libprotobuf-lite\\.a>?$")  # or a choice between it and the shared one
            list(APPEND kept "$<BUILD_INTERFACE:${target}>"
                "$<INSTALL_INTERFACE:$<LINK_ONLY:whence::protobuf_lite>>")
        else()
            list(APPEND kept "${link}")
        endif()
    endforeach()
    set_property(TARGET ${library} PROPERTY INTERFACE_LINK_LIBRARIES "${kept}")
endforeach()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/whence")
install(TARGETS whence_whence ${libraries} EXPORT whenceTargets FILE_SET HEADERS)
install(EXPORT whenceTargets NAMESPACE whence:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/whenceConfig.cmake.in "${PROJECT_BINARY_DIR}/whenceConfig.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/whenceConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/whenceConfig.cmake"
    "${PROJECT_BINARY_DIR}/whenceConfigVersion.cmake" cmake/Findonnxruntime.cmake
    DESTINATION "${package_dir}")

# The command line finds ONNX Runtime in the prefix. One that tools/setup fetched is not installed
# anywhere yet, so it comes along.
set_target_properties(whence PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS whence)
# The model that whence clip takes where none is named.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples/models/clip" DESTINATION "${CMAKE_INSTALL_DATADIR}/whence/models" OPTIONAL)
get_target_property(runtime onnxruntime::onnxruntime IMPORTED_LOCATION)
if(runtime AND runtime MATCHES "/build/deps/onnxruntime/")
    set_target_properties(whence PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF)
    cmake_path(GET runtime PARENT_PATH runtime_dir)
    cmake_path(GET runtime_dir PARENT_PATH runtime_root)
    install(DIRECTORY "${runtime_root}/lib/" DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        FILES_MATCHING PATTERN "libonnxruntime.so*")
    install(DIRECTORY "${runtime_root}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "onnxruntime*.h")
endif()
