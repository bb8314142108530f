# What every target of the house shares: language, warnings, sanitizers, and how a part is declared.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE STREQUAL Release)
  # GCC 12 sees what is not there once it inlines std::string and std::variant at -O3 (bug 105651).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)
endif()
if(CMAKE_BUILD_TYPE STREQUAL Release)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
if(CARAVAN_SANITIZE)
  add_compile_options(-fsanitize=${CARAVAN_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CARAVAN_SANITIZE})
  if(CARAVAN_SANITIZE STREQUAL thread)
    add_compile_options(-Wno-tsan)  # Asio's fences: beside locks that ThreadSanitizer does see
    # CAF hands everything from thread to thread: it has to be seen doing so.
    execute_process(COMMAND ${PROJECT_SOURCE_DIR}/ops/dev/caf_for_threads ${PROJECT_BINARY_DIR}/caf
                    COMMAND_ERROR_IS_FATAL ANY)
    list(PREPEND CMAKE_PREFIX_PATH ${PROJECT_BINARY_DIR}/caf)
  else()
    add_compile_options(-Wno-maybe-uninitialized)  # GCC 12 sees ways past a variant's construction
  endif()
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# caravan_part(NAME SOURCES ... USES targets... PRIVATELY targets...)
# A part sees the checkout's root as its include path: #include "events/ids.hpp".
function(caravan_part name)
  cmake_parse_arguments(PART "" "" "SOURCES;USES;PRIVATELY" ${ARGN})
  if(PART_SOURCES)
    add_library(${name} STATIC ${PART_SOURCES})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${PART_USES} PRIVATE ${PART_PRIVATELY})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${PART_USES})
  endif()
endfunction()

# caravan_planted(parts...): each again as NAME_planted, of the same sources, with the bugs that can be
# planted in it (events/planted.hpp). Only tests build them.
function(caravan_planted)
  foreach(part ${ARGN})
    get_target_property(sources ${part} SOURCES)
    get_target_property(folder ${part} SOURCE_DIR)
    get_target_property(uses ${part} INTERFACE_LINK_LIBRARIES)
    list(TRANSFORM sources PREPEND ${folder}/)
    add_library(${part}_planted STATIC EXCLUDE_FROM_ALL ${sources})
    set(wanted)
    foreach(one ${uses})
      if(one IN_LIST ARGN)
        list(APPEND wanted ${one}_planted)
      elseif(NOT one MATCHES "LINK_ONLY")
        list(APPEND wanted ${one})
      endif()
    endforeach()
    target_include_directories(${part}_planted PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${part}_planted PUBLIC ${wanted})
    target_compile_definitions(${part}_planted PUBLIC CARAVAN_PLANTED)
    get_target_property(options ${part} COMPILE_OPTIONS)
    if(options)
      target_compile_options(${part}_planted PRIVATE ${options})
    endif()
    get_target_property(unity ${part} UNITY_BUILD)
    if(unity)
      set_target_properties(${part}_planted PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    endif()
  endforeach()
endfunction()

# caravan_allocator(PROGRAM): mimalloc. Whole federations on one thread spend less time in it than in glibc's malloc
# (docs/performance.md). Nothing refers to it by name, so the linker is told to keep it.
function(caravan_allocator program)
  if(NOT CARAVAN_SANITIZE)  # sanitizers bring their own
    find_package(mimalloc REQUIRED)
    target_link_libraries(${program} PRIVATE -Wl,--push-state,--no-as-needed mimalloc -Wl,--pop-state)
  endif()
endfunction()
