#pragma once
// The only place of the version: CMake, the package files and single_include read it from here.
#include <string_view>

#if defined(TENON_SINGLE_INCLUDE)
#error "tenon: single_include/tenon.hpp and the header tree are mixed in one translation unit; put only one of the two on the include path"
#endif

#define TENON_VERSION_MAJOR 0
#define TENON_VERSION_MINOR 1
#define TENON_VERSION_PATCH 0

namespace tenon::inline v0 {

/// The version of these headers as "major.minor.patch"; the macros TENON_VERSION_* say the same to the preprocessor.
inline constexpr std::string_view version = "0.1.0";

} // namespace tenon::inline v0
