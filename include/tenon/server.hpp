// Door of the server layer: connections, loops and the server itself.
#pragma once

#include <tenon/server/connection.hpp>
#include <tenon/server/definition.hpp>
#include <tenon/server/hooks.hpp>
#include <tenon/server/options.hpp>
#include <tenon/server/server.hpp>
#include <tenon/server/serving.hpp>
