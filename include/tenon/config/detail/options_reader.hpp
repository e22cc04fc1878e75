// How single options are written by people: units, names, bounds, and the way to what is wrong. Config layer, detail of config/options_json.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <tenon/core/code.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>

namespace tenon::inline v0::config::detail {

// What a number among options may be: a count, nanoseconds, or parts per million, as the field has it.
struct option_range {
  std::string_view field;  // within the options: `budget.tokens`
  std::int64_t least = 0;
  std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
};

struct time_unit {
  std::string_view name;
  std::int64_t ns;
};
inline constexpr time_unit time_units[] = {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"min", 60'000'000'000}, {"h", 3'600'000'000'000}};

inline std::string_view digits_of(std::string_view text) noexcept { return text.substr(0, (std::min)(text.find_first_not_of("0123456789."), text.size())); }

// `text`, a decimal number, times `unit`; nothing when it is none, does not fit, or has a part smaller than one.
inline std::optional<std::int64_t> scaled_decimal(std::string_view text, std::int64_t unit) noexcept {
  std::int64_t sum = 0;
  const std::size_t point = (std::min)(text.find('.'), text.size());
  if (point == 0 || point + 1 == text.size()) return std::nullopt;
  const auto whole = std::from_chars(text.data(), text.data() + point, sum);
  if (whole.ec != std::errc{} || whole.ptr != text.data() + point || __builtin_mul_overflow(sum, unit, &sum)) return std::nullopt;
  for (std::size_t i = point + 1; i < text.size(); ++i) {
    const std::int64_t digit = text[i] - '0';
    if (digit < 0 || digit > 9 || (unit % 10 != 0 && digit != 0)) return std::nullopt;
    unit /= 10;
    if (__builtin_add_overflow(sum, unit * digit, &sum)) return std::nullopt;
  }
  return sum;
}

inline std::optional<std::int64_t> read_time(std::string_view text) noexcept {
  const std::string_view digits = digits_of(text);
  for (const auto& unit : time_units) {
    if (text.substr(digits.size()) == unit.name) return scaled_decimal(digits, unit.ns);
  }
  return std::nullopt;
}
// In the largest unit that needs no fraction.
inline std::string time_text(std::int64_t ns) {
  const auto* unit = std::end(time_units) - 1;
  while (ns % unit->ns != 0) --unit;
  if (ns == 0) unit = std::begin(time_units) + 3;
  return tenon::detail::join_text({tenon::detail::number_text{ns / unit->ns}, unit->name});
}

// "1000/s", "5/min", "10/100ms".
inline std::optional<rate> read_rate(std::string_view text) {
  const std::string_view digits = digits_of(text);
  if (text.substr(digits.size(), 1) != "/") return std::nullopt;
  const std::optional<std::int64_t> count = scaled_decimal(digits, 1);
  std::string per{text.substr(digits.size() + 1)};
  if (digits_of(per).empty()) per.insert(0, 1, '1');
  const std::optional<std::int64_t> time = read_time(per);
  if (!count || !time || *time == 0) return std::nullopt;
  return *count == 0 ? rate{} : rate{*count, duration{*time}};
}

// Reads options, and keeps the way to where it is.
class options_reader {
 public:
  using json = nlohmann::json;

  /// With `ranges`, what they do not name is from 0 on.
  explicit options_reader(std::string path, const option_range* ranges = nullptr, std::size_t count = 0)
      : path_{std::move(path)}, own_{path_.empty() ? 0 : path_.size() + 1}, ranges_{ranges}, count_{count} {}

  const std::string& error() const noexcept { return error_; }

  bool fail(std::string_view expected, std::string_view found) {
    error_ = tenon::detail::join_text({path_, path_.empty() ? "" : ": ", "expected ", expected, ", found ", found});
    return false;
  }
  bool refuse(const json& found, std::string_view expected) {
    constexpr std::size_t shown = 40;
    const std::string text = found.dump(-1, ' ', false, json::error_handler_t::replace);
    return fail(expected, text.size() <= shown ? text : std::string{found.type_name()});
  }

  template <class T>
  bool read(const json& from, T& into) {
    if constexpr (std::is_same_v<T, duration>) return read_duration(from, into);
    else if constexpr (std::is_same_v<T, ratio>) return read_ratio(from, into);
    else if constexpr (std::is_same_v<T, rate>) return read_rate_of(from, into);
    else if constexpr (std::is_same_v<T, code>) return read_code(from, into);
    else if constexpr (std::is_same_v<T, code_set>) return read_codes(from, into);
    else if constexpr (std::is_same_v<T, bool>) return from.is_boolean() ? (into = from.get<bool>(), true) : refuse(from, "true or false");
    else if constexpr (std::is_enum_v<T>) return read_enum(from, into);
    else if constexpr (std::is_integral_v<T>) return read_integer(from, into);
    else if constexpr (std::is_floating_point_v<T>) return from.is_number() ? (into = from.get<T>(), true) : refuse(from, "number");
    else return read_fields(from, into);
  }

 private:
  std::string_view own_path() const noexcept { return path_.size() < own_ ? std::string_view{} : std::string_view{path_}.substr(own_); }
  option_range range(std::int64_t least, std::int64_t most) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (ranges_[i].field == own_path()) return {{}, (std::max)(least, ranges_[i].least), (std::min)(most, ranges_[i].most)};
    }
    return {{}, count_ != 0 ? (std::max)(least, std::int64_t{0}) : least, most};
  }

  template <class T>
  bool read_fields(const json& from, T& into) {
    static_assert(record<T>, "tenon::json_options: an option is neither a number, bool, enum, duration, ratio, rate, code or code_set, nor a struct of such");
    if (!from.is_object()) return refuse(from, "object");
    for (auto member = from.begin(); member != from.end(); ++member) {
      const std::size_t here = path_.size();
      path_ += path_.empty() ? "" : ".";
      path_ += member.key();
      bool known = false;
      bool good = true;
      std::string names;
      for_each_field(into, [&](auto field, auto& value) {
        names += names.empty() ? "" : ", ";
        names += field.name;
        if (known || field.name != member.key()) return;
        known = true;
        good = read(*member, value);
      });
      if (!known) return fail(names.empty() ? std::string{"no option"} : tenon::detail::join_text({"one of ", names}), tenon::detail::join_text({"\"", member.key(), "\""}));
      if (!good) return false;
      path_.resize(here);
    }
    return true;
  }

  template <class T>
  bool read_integer(const json& from, T& into) {
    using limits = std::numeric_limits<T>;
    constexpr auto most = static_cast<std::int64_t>((limits::max)() >> (sizeof(T) == 8 && std::is_unsigned_v<T> ? 1 : 0));
    std::int64_t value = 0;
    if (!read_whole(from, range(static_cast<std::int64_t>((limits::min)()), most), value)) return false;
    into = static_cast<T>(value);
    return true;
  }
  bool read_whole(const json& from, const option_range& allowed, std::int64_t& value) {
    const bool whole = from.is_number_integer() && !(from.is_number_unsigned() && from.get<std::uint64_t>() > static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)()));
    if (whole) value = from.get<std::int64_t>();
    if (whole && value >= allowed.least && value <= allowed.most) return true;
    return refuse(from, tenon::detail::join_text({"integer from ", tenon::detail::number_text{allowed.least}, " to ", tenon::detail::number_text{allowed.most}}));
  }

  bool read_duration(const json& from, duration& into) {
    const option_range allowed = range(0, (std::numeric_limits<std::int64_t>::max)());
    std::optional<std::int64_t> ns;
    if (from.is_string()) ns = read_time(from.get_ref<const std::string&>());
    else if (std::int64_t whole = 0; from.is_number_integer() && read_whole(from, {{}, 0}, whole)) ns = whole;
    if (!ns) return refuse(from, "duration such as \"25ms\", with one of ns, us, ms, s, min, h, or whole nanoseconds");
    if (*ns < allowed.least || *ns > allowed.most)
      return refuse(from, allowed.least == 1 ? std::string{"duration above zero"} : tenon::detail::join_text({"duration from ", time_text(allowed.least), " to ", time_text(allowed.most)}));
    into = duration{*ns};
    return true;
  }

  static std::string ratio_text(std::int64_t ppm) { return json(static_cast<double>(ppm) / 1e6).dump(); }
  bool read_ratio(const json& from, ratio& into) {
    const option_range allowed = range(0, (std::numeric_limits<std::int32_t>::max)());
    std::optional<std::int64_t> ppm;
    if (from.is_string()) {
      const std::string_view text = from.get_ref<const std::string&>();
      if (!text.empty() && text.back() == '%') ppm = scaled_decimal(text.substr(0, text.size() - 1), 10'000);
    } else if (from.is_number()) {
      const double value = from.get<double>() * 1e6;
      if (value > -1e15 && value < 1e15) ppm = static_cast<std::int64_t>(value + (value < 0 ? -0.5 : 0.5));
      else ppm = value < 0 ? -1 : (std::numeric_limits<std::int64_t>::max)();
    }
    if (!ppm) return refuse(from, "ratio such as 0.2 or \"20%\"");
    if (*ppm < allowed.least || *ppm > allowed.most) return refuse(from, tenon::detail::join_text({"ratio from ", ratio_text(allowed.least), " to ", ratio_text(allowed.most)}));
    into = ratio{static_cast<std::int32_t>(*ppm)};
    return true;
  }

  bool read_rate_of(const json& from, rate& into) {
    std::optional<rate> found;
    if (from.is_string()) found = read_rate(from.get_ref<const std::string&>());
    else if (std::int64_t whole = 0; from.is_number_integer() && read_whole(from, {{}, 0}, whole)) found = whole == 0 ? rate{} : per_second(whole);
    if (!found) return refuse(from, "rate such as \"1000/s\", \"5/min\" or \"10/100ms\", or calls per second");
    if (found->count > found->per.ns) return refuse(from, "rate of at most 1e9 per second");
    into = *found;
    return true;
  }

  bool read_code(const json& from, code& into) {
    if (from.is_string()) {
      std::string name = from.get<std::string>();
      for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      if (const std::optional<code> known = code_from_name(name)) return into = *known, true;
    } else if (from.is_number_integer() && from >= 0 && from < code_count) {
      return into = static_cast<code>(from.get<std::uint8_t>()), true;
    }
    return refuse(from, "status code such as \"unavailable\"");
  }
  bool read_codes(const json& from, code_set& into) {
    if (!from.is_array()) return refuse(from, "list of status codes such as [\"unavailable\"]");
    code_set all;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t here = path_.size();
      path_ += tenon::detail::join_text({"[", tenon::detail::number_text{i}, "]"});
      code one{};
      if (!read_code(from[i], one)) return false;
      path_.resize(here);
      all.bits |= codes(one).bits;
    }
    into = all;
    return true;
  }

  template <class Enum>
  bool read_enum(const json& from, Enum& into) {
    if (from.is_string()) {
      if (const std::optional<Enum> known = enum_value<Enum>(from.get_ref<const std::string&>())) return into = *known, true;
    }
    std::string names;
    for (const auto& each : enum_entries<Enum>) {
      names += names.empty() ? "" : ", ";
      names += each.name;
    }
    return refuse(from, tenon::detail::join_text({"one of ", names}));
  }

  std::string path_;
  std::size_t own_;
  const option_range* ranges_;
  std::size_t count_;
  std::string error_;
};

}  // namespace tenon::inline v0::config::detail
