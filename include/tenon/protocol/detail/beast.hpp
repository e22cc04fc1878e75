// The only door to Boost.Beast's sans-IO parser: keeps macros that others define out of its headers. Protocol layer, detail of http1.hpp.
#pragma once

#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("check")
#undef Bool
#undef None
#undef check

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/optional.hpp>

#pragma pop_macro("check")
#pragma pop_macro("None")
#pragma pop_macro("Bool")
