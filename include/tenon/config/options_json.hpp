// Options structs as json that people write: durations and ratios with their units, codes and enums by name, nothing unknown. Config layer.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <tenon/config/detail/options_reader.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>

namespace tenon::inline v0 {

/// Options as json, in the form that `options_from_json` reads: `{"base": "25ms", "multiplier": 2.0, "on": ["UNAVAILABLE"], ...}`.
template <class Options>
nlohmann::json options_to_json(const Options& options) {
  if constexpr (std::is_same_v<Options, duration>) {
    return config::detail::time_text(options.ns);
  } else if constexpr (std::is_same_v<Options, ratio>) {
    return static_cast<double>(options.ppm) / 1e6;
  } else if constexpr (std::is_same_v<Options, rate>) {
    if (options.count == 0 || options.per.ns == 0) return 0;
    const std::string per = config::detail::time_text(options.per.ns);
    return detail::join_text({detail::number_text{options.count}, "/", per == "1s" ? "s" : per});
  } else if constexpr (std::is_same_v<Options, code>) {
    return std::string{code_name(options)};
  } else if constexpr (std::is_same_v<Options, code_set>) {
    nlohmann::json names = nlohmann::json::array();
    for (std::size_t i = 0; i < code_count; ++i) {
      if (options.has(static_cast<code>(i))) names.push_back(std::string{code_name(static_cast<code>(i))});
    }
    return names;
  } else if constexpr (std::is_arithmetic_v<Options>) {
    return options;
  } else if constexpr (std::is_enum_v<Options>) {
    return std::string{enum_name(options)};
  } else {
    nlohmann::json object = nlohmann::json::object();
    for_each_field(options, [&object](auto field, const auto& value) { object[std::string{field.name}] = options_to_json(value); });
    return object;
  }
}

/// Reads options over those in `into`: what `from` does not name stays.
///
/// Shape   durations "25ms", "0.1s", "5min", or whole nanoseconds; ratios 0.2 or "20%"; rates "1000/s", "5/min", "10/100ms", or calls per second;
///         codes by name or number; enums by name.
/// Errors  invalid_argument, as in `budget.tokens: expected integer from 0 to 9, found "x"`; `into` may be changed in part then.
template <class Options>
status options_from_json(const nlohmann::json& from, Options& into) {
  config::detail::options_reader reader{std::string{}};
  if (reader.read(from, into)) return {};
  return status{code::invalid_argument, reader.error()};
}

}  // namespace tenon::inline v0
