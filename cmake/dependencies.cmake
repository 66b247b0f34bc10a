# What quarry stands on, under the names that Debian 12 and newer give.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(cppzmq REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(prometheus-cpp REQUIRED)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

# msgpack's own CMake target asks for Boost, which nothing here needs.
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(msgpack INTERFACE)
target_include_directories(msgpack SYSTEM INTERFACE ${MSGPACK_INCLUDE_DIR})
target_compile_definitions(msgpack INTERFACE MSGPACK_NO_BOOST)
