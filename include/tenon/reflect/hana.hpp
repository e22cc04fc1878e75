// The only door to Boost.Hana: keeps macros that X11 and others define out of its headers. Reflect layer.
#pragma once

#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("check")
#undef Bool
#undef None
#undef check

#include <boost/hana/accessors.hpp>
#include <boost/hana/concept/struct.hpp>
#include <boost/hana/fwd/first.hpp>
#include <boost/hana/fwd/second.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>

#pragma pop_macro("check")
#pragma pop_macro("None")
#pragma pop_macro("Bool")
