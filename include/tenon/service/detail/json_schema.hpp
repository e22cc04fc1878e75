// JSON Schema 2020-12 of what codec::json writes: for any type that crosses the wire, and for the methods of a service. Service layer, detail of describe.hpp.
// Long because each kind of type has its own keywords, and they name each other.
// Source: json-schema.org, draft 2020-12, core and validation; the formats of integers are those of the OpenAPI format registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/names.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::detail {

class json_schema_writer;

/// The schema of `T`, a message or a contract, as compact text.
///
/// Shape   a message: `{"$schema":...,"$ref":"#/$defs/quote","$defs":{...}}`, with every struct and enum of it once in `$defs`, so that they may hold one another.
///         a contract: `$defs` alone, with `last.parameters` and `last.result` for each method `last`. Parameters are an object by name where `tenon::params` gives
///         names, the bare value or an array where not, and a lone struct is the object itself; what says nothing is null.
/// Limits  it describes what tenon writes. It also reads null for containers, integers for enums, and positions for names; a NaN is written as null, and
///         an enum's value without a name as its number, which the schema does not say.
template <class T>
std::string json_schema_of();

/// Writes schemas, and remembers which structs and enums they refer to.
///
/// Shape   `write_schema<T>(to)` appends one schema; `write_definitions` appends those it referred to. `reference_prefix` is what stands in front of a definition's name,
///         as "#/components/schemas/" does in OpenAPI.
class json_schema_writer {
 public:
  explicit json_schema_writer(std::string_view reference_prefix = "#/$defs/") : prefix_{reference_prefix} {}

  void raw(std::string_view text) { out_.append(text); }
  void number(std::int64_t value) { out_.append(number_text{value}); }
  void number(std::uint64_t value) { out_.append(number_text{value}); }
  void quoted(std::string_view text) {
    codec::detail::json_writer to{out_};
    to.finish(to.write_text(to.start(), text));
  }
  // `"key":`, with a comma where something stands in front.
  void key(std::string_view name) {
    separate();
    quoted(name);
    raw(":");
  }
  void separate() {
    const std::string_view all = out_.view();
    if (!all.empty() && all.back() != '{' && all.back() != '[' && all.back() != ':' && all.back() != ',') raw(",");
  }
  // Opens a schema, with its description in front.
  void open(std::string_view description) {
    if (!goes_on_) raw("{");
    goes_on_ = false;
    if (description.empty()) return;
    key("description");
    quoted(description);
  }
  // The next schema adds its members to the object that is open.
  void go_on() { goes_on_ = true; }
  // More members for the schema that was just closed.
  void reopen() { out_.truncate(out_.size() - 1); }
  void type(std::string_view name) {
    key("type");
    quoted(name);
  }
  void simple(std::string_view description, std::string_view type_of_it) {
    open(description);
    type(type_of_it);
    raw("}");
  }

  /// A reference to the definition of a type, which `write` will write. `name` and `qualified` are those of the type.
  void refer(std::string_view description, std::string_view name, std::string_view qualified, void (*write)(json_schema_writer&)) {
    open(description);
    key("$ref");
    quoted(join_text({prefix_, name_of(name, qualified, write)}));
    raw("}");
  }
  /// Appends `"name":{...}` for each type that was referred to, in the order of reference, and for those that they refer to.
  void write_definitions() {
    for (; written_ < definitions_.size(); ++written_) {
      key(definitions_[written_].name);
      definitions_[written_].write(*this);
    }
  }
  std::string take() const { return std::string{out_.view()}; }

 private:
  struct definition {
    std::string name;
    void (*write)(json_schema_writer&);
  };

  // Two types of one name in different namespaces: the later one keeps its namespaces. What a pointer in a URI cannot hold becomes an underscore.
  std::string_view name_of(std::string_view name, std::string_view qualified, void (*write)(json_schema_writer&)) {
    for (const definition& each : definitions_) {
      if (each.write == write) return each.name;
    }
    std::string plain = tidy_name(name);
    if (is_taken(plain)) plain = tidy_name(qualified);
    while (is_taken(plain)) plain += '_';
    definitions_.push_back({std::move(plain), write});
    return definitions_.back().name;
  }
  bool is_taken(std::string_view name) const {
    for (const definition& each : definitions_) {
      if (each.name == name) return true;
    }
    return false;
  }
  static std::string tidy_name(std::string_view name) {
    std::string tidied;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      if (letter) tidied += c;
      else if (c == ':' && i + 1 < name.size() && name[i + 1] == ':') tidied += '.', ++i;
      else if (c != ' ' && c != '>') tidied += '_';
    }
    return tidied;
  }

  buffer out_;
  std::string prefix_;
  std::vector<definition> definitions_;
  std::size_t written_ = 0;
  bool goes_on_ = false;
};

template <class T>
void write_schema(json_schema_writer& to, std::string_view description = {});

// The doc attribute of a list, empty when there is none.
template <class... Attributes>
constexpr std::string_view doc_in(const boost::hana::tuple<Attributes...>& attributes) {
  if constexpr ((std::is_same_v<doc_attribute, Attributes> || ...)) return find_attribute<doc_attribute>(attributes)->value;
  else return static_cast<void>(attributes), std::string_view{};
}
template <class T>
constexpr std::string_view doc_of_record() {
  if constexpr (declares_fields<T>) return doc_in(boost::hana::at_c<0>(record_fields<T>::attributes));
  else return {};
}

template <class T>
void write_record_schema(json_schema_writer& to) {
  to.open(doc_of_record<T>());
  to.type("object");
  to.key("properties");
  to.raw("{");
  bool any_required = false;
  [&]<class... Fields>(const boost::hana::tuple<Fields...>*) {
    (static_cast<void>((to.key(Fields::name), write_schema<typename Fields::type>(to, doc_in(Fields::attributes)), any_required = any_required || Fields::is_required)), ...);
    to.raw("}");
    if (any_required) {
      to.key("required");
      to.raw("[");
      (static_cast<void>(Fields::is_required ? (to.separate(), to.quoted(Fields::name)) : void()), ...);
      to.raw("]");
    }
  }(&fields_of<T>);
  to.key("additionalProperties");
  to.raw("true}");
}

template <class Enum>
void write_enum_schema(json_schema_writer& to) {
  to.raw("{");
  to.type("string");
  to.key("enum");
  to.raw("[");
  for (const auto& entry : enum_entries<Enum>) {
    to.separate();
    to.quoted(entry.name);
  }
  to.raw("]}");
}

template <class Integer>
void write_integer_schema(json_schema_writer& to, std::string_view description) {
  using bounds = std::numeric_limits<Integer>;
  using wide = std::conditional_t<std::is_signed_v<Integer>, std::int64_t, std::uint64_t>;
  to.open(description);
  to.type("integer");
  to.key("format");
  to.quoted(codec::detail::integer_name<Integer>());
  to.key("minimum");
  to.number(static_cast<wide>((bounds::min)()));
  to.key("maximum");
  to.number(static_cast<wide>((bounds::max)()));
  to.raw("}");
}

// A duration is the count of its own unit, which nothing but the description tells.
template <class Period>
std::string unit_of_duration() {
  if constexpr (std::is_same_v<Period, std::nano>) return "nanoseconds";
  else if constexpr (std::is_same_v<Period, std::micro>) return "microseconds";
  else if constexpr (std::is_same_v<Period, std::milli>) return "milliseconds";
  else if constexpr (std::is_same_v<Period, std::ratio<1>>) return "seconds";
  else if constexpr (std::is_same_v<Period, std::ratio<60>>) return "minutes";
  else if constexpr (std::is_same_v<Period, std::ratio<3600>>) return "hours";
  else if constexpr (std::is_same_v<Period, std::ratio<86400>>) return "days";
  else return join_text({number_text{Period::num}, "/", number_text{Period::den}, " seconds"});
}

template <class Tuple, std::size_t... Index>
void write_tuple_schema(json_schema_writer& to, std::string_view description, std::index_sequence<Index...>) {
  to.open(description);
  to.type("array");
  // An empty prefixItems is not allowed.
  if constexpr (sizeof...(Index) != 0) {
    to.key("prefixItems");
    to.raw("[");
    (static_cast<void>((to.separate(), write_schema<std::remove_cvref_t<std::tuple_element_t<Index, Tuple>>>(to))), ...);
    to.raw("]");
  }
  to.key("minItems");
  to.number(std::uint64_t{sizeof...(Index)});
  to.key("items");
  to.raw("false}");
}

template <class... Alternatives>
void write_variant_schema(json_schema_writer& to, std::string_view description, const std::variant<Alternatives...>*) {
  using variant = std::variant<Alternatives...>;
  to.open(description);
  if constexpr (codec::detail::tells_by_kind<variant, false>) {
    to.key("anyOf");
    to.raw("[");
    (static_cast<void>((to.separate(), write_schema<Alternatives>(to))), ...);
  } else {
    to.key("oneOf");
    to.raw("[");
    const auto one = [&to](std::string_view name, void (*write)(json_schema_writer&, std::string_view)) {
      to.separate();
      to.raw("{\"type\":\"object\",\"properties\":{");
      to.key(name);
      write(to, {});
      to.raw("},\"required\":[");
      to.quoted(name);
      to.raw("],\"additionalProperties\":false}");
    };
    (static_cast<void>(shape_of<Alternatives> == shape::null ? (to.separate(), write_schema<Alternatives>(to)) : one(codec::detail::alternative_name<Alternatives>, &write_schema<Alternatives>)), ...);
  }
  to.raw("]}");
}

template <class T>
void write_schema(json_schema_writer& to, std::string_view description) {
  constexpr shape form = shape_of<T>;
  static_assert(assert_wire_type<T>());
  if constexpr (form == shape::boolean) {
    to.simple(description, "boolean");
  } else if constexpr (form == shape::integer) {
    write_integer_schema<T>(to, description);
  } else if constexpr (form == shape::floating) {
    to.open(description);
    to.separate();
    to.raw(std::is_same_v<T, float> ? R"("type":"number","format":"float"})" : R"("type":"number","format":"double"})");
  } else if constexpr (form == shape::text) {
    to.simple(description, "string");
  } else if constexpr (form == shape::null) {
    to.simple(description, "null");
  } else if constexpr (form == shape::binary || form == shape::time_point) {
    to.open(description);
    to.type("string");
    to.key(form == shape::binary ? "contentEncoding" : "format");
    to.quoted(form == shape::binary ? "base64" : "date-time");
    to.raw("}");
  } else if constexpr (form == shape::duration) {
    const std::string unit = unit_of_duration<typename T::period::type>();
    to.simple(description.empty() ? unit : join_text({description, " (", unit, ")"}), std::is_floating_point_v<typename T::rep> ? "number" : "integer");
  } else if constexpr (form == shape::enumeration) {
    if constexpr (enum_entries<T>.size() == 0) write_integer_schema<std::underlying_type_t<T>>(to, description);
    else to.refer(description, type_name<T>, qualified_type_name<T>, &write_enum_schema<T>);
  } else if constexpr (codec::detail::is_wrapper<T>) {
    write_schema<typename field<T, 0>::type>(to, description);
  } else if constexpr (form == shape::record) {
    to.refer(description, type_name<T>, qualified_type_name<T>, &write_record_schema<T>);
  } else if constexpr (form == shape::optional) {
    to.open(description);
    to.key("anyOf");
    to.raw("[");
    write_schema<typename codec::detail::pointed_to<T>::type>(to);
    to.raw(",{\"type\":\"null\"}]}");
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    to.open(description);
    to.type("array");
    to.key("items");
    write_schema<typename T::value_type>(to);
    if constexpr (form == shape::fixed_sequence) {
      to.key("minItems");
      to.number(std::uint64_t{std::tuple_size_v<T>});
      to.key("maxItems");
      to.number(std::uint64_t{std::tuple_size_v<T>});
    }
    to.raw("}");
  } else if constexpr (form == shape::mapping) {
    to.open(description);
    to.type("object");
    if constexpr (shape_of<typename T::key_type> == shape::boolean) {
      to.key("propertyNames");
      to.raw(R"({"enum":["true","false"]})");
    } else if constexpr (shape_of<typename T::key_type> == shape::integer) {
      to.key("propertyNames");
      to.raw(std::is_signed_v<typename T::key_type> ? R"({"pattern":"^-?[0-9]+$"})" : R"({"pattern":"^[0-9]+$"})");
    }
    to.key("additionalProperties");
    write_schema<typename T::mapped_type>(to);
    to.raw("}");
  } else if constexpr (form == shape::tuple) {
    write_tuple_schema<T>(to, description, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (form == shape::variant) {
    write_variant_schema(to, description, static_cast<const T*>(nullptr));
  } else {
    // Free form: anything.
    to.open(description);
    to.raw("}");
  }
}

// The parameters of a method: see json_schema_of.
template <class Method, class... Parameters>
void write_parameters_schema(json_schema_writer& to, const type_list<Parameters...>*) {
  using codec::detail::object_kind;
  using codec::detail::wire_kinds;
  constexpr std::size_t count = sizeof...(Parameters);
  const std::string_view description = doc_in(Method::attributes);
  if constexpr (count == 0) {
    to.simple(description, "null");
  } else if constexpr (Method::parameter_names.size() == count && (count > 1 || (((wire_kinds<Parameters, false>() & object_kind) == 0) && ...))) {
    to.open(description);
    to.type("object");
    to.key("properties");
    to.raw("{");
    std::size_t index = 0;
    (static_cast<void>((to.key(Method::parameter_names[index++]), write_schema<Parameters>(to))), ...);
    to.raw("}");
    to.key("required");
    to.raw("[");
    index = 0;
    const auto require = [&](bool required) {
      if (required) to.separate(), to.quoted(Method::parameter_names[index]);
      ++index;
    };
    (require(!codec::detail::can_be_left_out<Parameters>), ...);
    to.raw("],\"additionalProperties\":true}");
  } else if constexpr (count == 1) {
    (write_schema<Parameters>(to, description), ...);
  } else {
    write_tuple_schema<std::tuple<Parameters...>>(to, description, std::index_sequence_for<Parameters...>{});
  }
}

template <class Method>
void write_result_schema(json_schema_writer& to) {
  if constexpr (std::is_void_v<typename Method::response>) to.simple({}, "null");
  else write_schema<std::remove_cvref_t<typename Method::response>>(to);
}

// Of a side that streams, each item.
template <class Method>
void write_method_schema(json_schema_writer& to) {
  to.key(join_text({Method::name, Method::client_streams ? ".item" : ".parameters"}));
  if constexpr (Method::client_streams) write_schema<typename Method::item>(to);
  else write_parameters_schema<Method>(to, static_cast<const typename Method::parameters*>(nullptr));
  to.key(join_text({Method::name, Method::server_streams ? ".result_item" : ".result"}));
  write_result_schema<Method>(to);
}
template <class... Methods>
void write_method_schemas(json_schema_writer& to, const boost::hana::tuple<Methods...>*) {
  (write_method_schema<Methods>(to), ...);
}

template <class T>
std::string json_schema_of() {
  json_schema_writer to;
  to.raw(R"({"$schema":"https://json-schema.org/draft/2020-12/schema")");
  if constexpr (contract<T>) {
    to.key("title");
    to.quoted(service_name<T>);
    if constexpr (constexpr std::string_view text = doc_in(service_attributes<T>); !text.empty()) {
      to.key("description");
      to.quoted(text);
    }
    to.key("$defs");
    to.raw("{");
    write_method_schemas(to, &methods_of<T>);
  } else {
    to.go_on();
    write_schema<T>(to);
    to.reopen();
    to.key("$defs");
    to.raw("{");
  }
  to.write_definitions();
  to.raw("}}");
  return to.take();
}

}  // namespace tenon::inline v0::detail
