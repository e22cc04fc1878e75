// Door of the config layer: policies' options from documents. Outside the umbrella: it includes nlohmann/json.hpp, which programs without documents need not compile.
#pragma once

#include <tenon/config/grpc_service_config.hpp>
#include <tenon/config/json_options.hpp>
#include <tenon/config/options_json.hpp>
