# Finds ONNX Runtime and defines onnxruntime::onnxruntime, as its own package config does. That
# config is asked first; without one (Debian 12 has none) this looks for onnxruntime_c_api.h and the
# library in onnxruntime_ROOT, then where tools/setup puts them.
# onnxruntime_VERSION is then the API version of the headers; the library may be newer.

find_package(onnxruntime ${onnxruntime_FIND_VERSION} CONFIG QUIET)
include(FindPackageHandleStandardArgs)
if(onnxruntime_FOUND)
    find_package_handle_standard_args(onnxruntime CONFIG_MODE)
    return()
endif()

# Three projects may read this file: Whence, one that has Whence in a folder, one that found it
# installed (then ONNX Runtime may lie in the same prefix: this file is in PREFIX/lib/cmake/whence).
set(_onnxruntime_hints
    "${CMAKE_CURRENT_LIST_DIR}/../build/deps/onnxruntime"
    "${PROJECT_SOURCE_DIR}/build/deps/onnxruntime")
if(CMAKE_CURRENT_LIST_DIR MATCHES "/cmake/[^/]+$")
    list(APPEND _onnxruntime_hints "${CMAKE_CURRENT_LIST_DIR}/../../..")
endif()
find_path(onnxruntime_INCLUDE_DIR onnxruntime_c_api.h
    HINTS ${_onnxruntime_hints} PATH_SUFFIXES include/onnxruntime include onnxruntime)
find_library(onnxruntime_LIBRARY onnxruntime
    HINTS ${_onnxruntime_hints} PATH_SUFFIXES lib)
mark_as_advanced(onnxruntime_INCLUDE_DIR onnxruntime_LIBRARY)
unset(_onnxruntime_hints)

if(onnxruntime_INCLUDE_DIR)
    file(STRINGS "${onnxruntime_INCLUDE_DIR}/onnxruntime_c_api.h" onnxruntime_VERSION
        REGEX "^#define ORT_API_VERSION [0-9]+")
    string(REGEX REPLACE "[^0-9]*([0-9]+).*" "1.\\1.0"
        onnxruntime_VERSION "${onnxruntime_VERSION}")
endif()

find_package_handle_standard_args(onnxruntime
    REQUIRED_VARS onnxruntime_LIBRARY onnxruntime_INCLUDE_DIR
    VERSION_VAR onnxruntime_VERSION
    REASON_FAILURE_MESSAGE
        "Run tools/setup in Whence's sources, or set onnxruntime_ROOT (with include/ and lib/).")

if(onnxruntime_FOUND AND NOT TARGET onnxruntime::onnxruntime)
    # The real file, and the SONAME, the name programs record: by convention the link that carries
    # the major version only, where there is one.
    file(REAL_PATH "${onnxruntime_LIBRARY}" _onnxruntime_file)
    cmake_path(GET _onnxruntime_file PARENT_PATH _onnxruntime_dir)
    cmake_path(GET _onnxruntime_file FILENAME _onnxruntime_soname)
    if(EXISTS "${_onnxruntime_dir}/libonnxruntime.so.1")
        set(_onnxruntime_soname libonnxruntime.so.1)
    endif()
    add_library(onnxruntime::onnxruntime SHARED IMPORTED)
    set_target_properties(onnxruntime::onnxruntime PROPERTIES
        IMPORTED_LOCATION "${_onnxruntime_file}"
        IMPORTED_SONAME "${_onnxruntime_soname}"
        INTERFACE_INCLUDE_DIRECTORIES "${onnxruntime_INCLUDE_DIR}")
    unset(_onnxruntime_file)
    unset(_onnxruntime_dir)
    unset(_onnxruntime_soname)
endif()
