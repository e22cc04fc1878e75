// The door of the reflect layer: what is known at compile time of messages, enums and services.
#pragma once

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/names.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/reflect/struct.hpp>
