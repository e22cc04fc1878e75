// expect: single_include/tenon.hpp and the header tree are mixed in one translation unit
#include "../../include/tenon/version.hpp"

#include "../../single_include/tenon.hpp"
