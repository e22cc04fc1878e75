// The body of a message as a .proto file has it, piece by piece, at compile time as well: what a schema is locked against, and what describe prints. Codec layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/names.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// A sink takes the text: `put(text)`; `put_type<T>()` for the name of a struct or an enum; `put_doc(text, depth)` for a comment.

template <class Sink>
constexpr void proto_put_character(Sink& sink, char c) {
  sink.put(std::string_view{&c, 1});
}
template <class Sink>
constexpr void proto_put_number(Sink& sink, int number) {
  if (number >= 10) proto_put_number(sink, number / 10);
  proto_put_character(sink, static_cast<char>('0' + number % 10));
}
template <class Sink>
constexpr void proto_put_indent(Sink& sink, int depth) {
  for (; depth > 0; --depth) sink.put("  ");
}
constexpr bool proto_is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool proto_is_word(char c) { return proto_is_letter(c) || (c >= '0' && c <= '9'); }

// Names in C++ and on other wires may hold what .proto has no place for: one underscore for each run of it.
template <class Sink>
constexpr void proto_put_name(Sink& sink, std::string_view name) {
  if (!name.empty() && !proto_is_letter(name.front()) && name.front() != '_') proto_put_character(sink, 'f');
  bool pending = false;
  bool begun = false;
  for (const char c : name) {
    if (proto_is_word(c) || c == '_') {
      if (pending && begun) proto_put_character(sink, '_');
      pending = false;
      begun = true;
      proto_put_character(sink, c);
    } else {
      pending = true;
    }
  }
}
// `lines_to_draw` as `LinesToDraw`.
template <class Sink>
constexpr void proto_put_camel(Sink& sink, std::string_view name) {
  bool capital = true;
  for (const char c : name) {
    if (!proto_is_word(c)) {
      capital = true;
      continue;
    }
    proto_put_character(sink, capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    capital = false;
  }
}

/// The full name of a struct in .proto: that of tenon::name on the struct, else the one in C++ without namespaces.
template <class T>
inline constexpr std::string_view proto_full_name = tenon::detail::name_or(protobuf_record_attributes<T>(), type_name<T>);
/// The same without its package; in a template's name the dots are C++'s.
template <class T>
inline constexpr std::string_view proto_short_name = has_attribute<name_attribute>(protobuf_record_attributes<T>())
                                                         ? proto_full_name<T>.substr(proto_full_name<T>.rfind('.') + 1)
                                                         : proto_full_name<T>;

template <class T, protobuf_style Style>
constexpr std::string_view proto_scalar() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    return "bool";
  } else if constexpr (form == shape::integer) {
    constexpr bool is_wide = sizeof(T) == 8;
    if constexpr (Style == protobuf_style::fixed) return std::is_signed_v<T> ? (is_wide ? "sfixed64" : "sfixed32") : (is_wide ? "fixed64" : "fixed32");
    else if constexpr (std::is_unsigned_v<T>) return is_wide ? "uint64" : "uint32";
    else if constexpr (Style == protobuf_style::zigzag) return is_wide ? "sint64" : "sint32";
    else return is_wide ? "int64" : "int32";
  } else if constexpr (form == shape::floating) {
    return sizeof(T) == 8 ? "double" : "float";
  } else if constexpr (form == shape::text) {
    return "string";
  } else if constexpr (form == shape::binary || form == shape::free_msgpack) {
    return "bytes";
  } else if constexpr (form == shape::duration) {
    return "google.protobuf.Duration";
  } else if constexpr (form == shape::time_point) {
    return "google.protobuf.Timestamp";
  } else if constexpr (form == shape::free_json) {
    return "google.protobuf.Value";
  } else if constexpr (form == shape::null) {
    return "google.protobuf.Empty";
  } else {
    return "";
  }
}

// What the elements of a field are.
template <class T>
consteval auto proto_item_of() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::optional) return std::type_identity<std::remove_cv_t<typename pointed_to<T>::type>>{};
  else if constexpr (form == shape::sequence || form == shape::fixed_sequence) return std::type_identity<typename T::value_type>{};
  else if constexpr (form == shape::mapping) return std::type_identity<typename T::mapped_type>{};
  else return std::type_identity<T>{};
}
template <class T>
using proto_item = typename decltype(proto_item_of<T>())::type;

// Whether a field's elements are of a message that has no name of its own: it is declared beside the field.
template <class T>
inline constexpr bool proto_is_nameless = !protobuf_is_single<T> || shape_of<T> == shape::tuple;
// Presence of a scalar has to be asked for; a message has it.
template <class T>
inline constexpr bool proto_has_presence = proto_is_nameless<T> || shape_of<T> == shape::record || shape_of<T> == shape::duration || shape_of<T> == shape::time_point ||
                                           shape_of<T> == shape::free_json || shape_of<T> == shape::null;

/// The name of field `Index`: the wire name; `value` in what is wrapped, `value1` in a tuple, the parameter's name or `argument1` in a call.
template <class M, std::size_t Index, class Sink>
constexpr void proto_put_field_name(Sink& sink, std::span<const std::string_view> names, bool camel) {
  const auto put = [&sink, camel](std::string_view name) {
    if (camel) proto_put_camel(sink, name);
    else proto_put_name(sink, name);
  };
  if constexpr (is_protobuf_wrapped<M>) {
    put("value");
  } else if constexpr (is_protobuf_call<M> || shape_of<M> == shape::tuple) {
    if (Index < names.size()) return put(names[Index]);
    put(is_protobuf_call<M> ? "argument" : "value");
    proto_put_number(sink, static_cast<int>(Index) + 1);
  } else {
    put(field<M, Index>::name);
  }
}

template <class T, std::size_t Alternative, class Sink>
constexpr void proto_put_alternative_name(Sink& sink) {
  using type = std::variant_alternative_t<Alternative, T>;
  constexpr shape form = shape_of<type>;
  if constexpr (form == shape::record) proto_put_name(sink, proto_short_name<type>);
  else if constexpr (form == shape::enumeration) proto_put_name(sink, type_name<type>);
  else if constexpr (form == shape::duration) sink.put("duration");
  else if constexpr (form == shape::time_point) sink.put("timestamp");
  else if constexpr (form == shape::free_json) sink.put("value");
  else if constexpr (proto_is_nameless<type>) sink.put("item"), proto_put_number(sink, static_cast<int>(Alternative) + 1);
  else sink.put(proto_scalar<type, protobuf_style::plain>());
}

template <class Attribute>
inline constexpr bool is_names_attribute = false;
template <std::size_t Count>
inline constexpr bool is_names_attribute<names_attribute<Count>> = true;

// The name that tenon::names gives alternative `rank`, std::monostate not counted; empty when it gives none.
template <class... Attributes>
constexpr std::string_view proto_given_name(const boost::hana::tuple<Attributes...>& list, std::size_t rank) {
  std::string_view name;
  [[maybe_unused]] const auto look = [&](const auto* attribute) {
    if constexpr (is_names_attribute<std::remove_cvref_t<decltype(*attribute)>>) name = rank < attribute->values.size() ? attribute->values[rank] : std::string_view{};
  };
  (look(find_attribute<Attributes>(list)), ...);
  static_cast<void>(rank);
  return name;
}

/// The name of a oneof's field: that of tenon::names, else `body_string`.
template <class M, std::size_t Index, class T, std::size_t Alternative, class Sink>
constexpr void proto_put_member_name(Sink& sink, std::span<const std::string_view> names, std::size_t rank) {
  std::string_view given;
  if constexpr (shape_of<M> == shape::record) given = proto_given_name(field<M, Index>::attributes, rank);
  if (!given.empty()) return proto_put_name(sink, given);
  proto_put_field_name<M, Index>(sink, names, false);
  sink.put("_");
  proto_put_alternative_name<T, Alternative>(sink);
}

template <class M, std::size_t Index, class T, protobuf_style Style, class Sink>
constexpr void proto_put_type(Sink& sink, std::span<const std::string_view> names, int alternative = 0) {
  if constexpr (proto_is_nameless<T>) {
    proto_put_field_name<M, Index>(sink, names, true);
    sink.put("Item");
    if (alternative != 0) proto_put_number(sink, alternative);
  } else if constexpr (shape_of<T> == shape::record || shape_of<T> == shape::enumeration) {
    sink.template put_type<T>();
  } else {
    sink.put(proto_scalar<T, Style>());
  }
}

template <class M, class Sink>
constexpr void proto_put_body(Sink& sink, std::span<const std::string_view> names, int depth);

// The declaration of a message that stands beside the field that needs it.
template <class M, std::size_t Index, class T, class Sink>
constexpr void proto_put_nested(Sink& sink, std::span<const std::string_view> names, int depth, int alternative = 0) {
  if constexpr (proto_is_nameless<T>) {
    sink.put("\n");
    proto_put_indent(sink, depth);
    sink.put("message ");
    proto_put_type<M, Index, T, protobuf_style::plain>(sink, names, alternative);
    sink.put(" {\n");
    using body = std::conditional_t<shape_of<T> == shape::tuple, T, protobuf_wrapped<T>>;
    proto_put_body<body>(sink, {}, depth + 1);
    proto_put_indent(sink, depth);
    sink.put("}\n");
  }
}

template <class M, std::size_t Index, class Sink>
constexpr void proto_put_end(Sink& sink, std::span<const std::string_view> names, int number) {
  sink.put(" ");
  proto_put_field_name<M, Index>(sink, names, false);
  sink.put(" = ");
  proto_put_number(sink, number);
  sink.put(";\n");
}

template <class M, std::size_t Index, class T, class Sink, std::size_t... Alternative>
constexpr void proto_put_oneof(Sink& sink, std::span<const std::string_view> names, int depth, std::index_sequence<Alternative...>) {
  using field_type = protobuf_field<M, Index>;
  sink.put("oneof ");
  proto_put_field_name<M, Index>(sink, names, false);
  sink.put(" {\n");
  std::size_t rank = 0;
  const auto put = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using type = std::variant_alternative_t<I, T>;
    if constexpr (shape_of<type> != shape::null) {
      proto_put_indent(sink, depth + 1);
      proto_put_type<M, Index, type, field_type::style>(sink, names, static_cast<int>(I) + 1);
      sink.put(" ");
      proto_put_member_name<M, Index, T, I>(sink, names, rank);
      sink.put(" = ");
      proto_put_number(sink, field_type::alternative_number(rank++));
      sink.put(";\n");
    }
  };
  (put(std::integral_constant<std::size_t, Alternative>{}), ...);
  proto_put_indent(sink, depth);
  sink.put("}\n");
}

template <class M, std::size_t Index, class Sink>
constexpr void proto_put_field(Sink& sink, std::span<const std::string_view> names, int depth) {
  using field_type = protobuf_field<M, Index>;
  using type = typename field_type::type;
  constexpr shape form = shape_of<type>;
  if constexpr (!field_type::keeps_unknown) {
    if constexpr (shape_of<M> == shape::record) {
      constexpr const auto& attributes = field<M, Index>::attributes;
      if constexpr (has_attribute<doc_attribute>(attributes)) sink.put_doc(find_attribute<doc_attribute>(attributes)->value, depth);
    }
    proto_put_indent(sink, depth);
    if constexpr (form == shape::variant) {
      proto_put_oneof<M, Index, type>(sink, names, depth, std::make_index_sequence<std::variant_size_v<type>>{});
    } else {
      using item = proto_item<type>;
      if constexpr (form == shape::mapping) {
        sink.put("map<");
        // .proto has no enums as keys; on the wire they are the same.
        if constexpr (shape_of<typename type::key_type> == shape::enumeration) sink.put("int32");
        else sink.put(proto_scalar<typename type::key_type, field_type::key_style>());
        sink.put(", ");
      } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
        sink.put("repeated ");
      } else if constexpr ((form == shape::optional || field_type::is_required) && !proto_has_presence<item>) {
        sink.put("optional ");
      }
      proto_put_type<M, Index, item, field_type::style>(sink, names);
      if constexpr (form == shape::mapping) sink.put(">");
      proto_put_end<M, Index>(sink, names, field_type::number);
    }
  }
}

template <class M, std::size_t Index, class Sink>
constexpr void proto_put_nested_of(Sink& sink, std::span<const std::string_view> names, int depth) {
  using type = typename protobuf_field<M, Index>::type;
  if constexpr (shape_of<type> == shape::variant) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (proto_put_nested<M, Index, std::variant_alternative_t<I, type>>(sink, names, depth, static_cast<int>(I) + 1), ...);
    }(std::make_index_sequence<std::variant_size_v<type>>{});
  } else if constexpr (!protobuf_field<M, Index>::keeps_unknown) {
    proto_put_nested<M, Index, proto_item<type>>(sink, names, depth);
  }
}

template <class M, class Sink>
constexpr void proto_put_reserved(Sink& sink, int depth) {
  if constexpr (shape_of<M> == shape::record) {
    const auto look = [&sink, depth](const auto* attribute) {
      if constexpr (is_reserved_attribute<std::remove_cvref_t<decltype(*attribute)>>) {
        proto_put_indent(sink, depth);
        std::string_view before = "reserved ";
        for (const int number : attribute->numbers) {
          sink.put(before);
          proto_put_number(sink, number);
          before = ", ";
        }
        sink.put(";\n");
      }
    };
    [&look]<class... Attributes>(const boost::hana::tuple<Attributes...>& list) {
      (look(find_attribute<Attributes>(list)), ...);
      static_cast<void>(list);
      static_cast<void>(look);
    }(protobuf_record_attributes<M>());
  }
}

/// Everything between the braces of a message.
template <class M, class Sink>
constexpr void proto_put_body(Sink& sink, std::span<const std::string_view> names, int depth) {
  proto_put_reserved<M>(sink, depth);
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    (proto_put_field<M, Index>(sink, names, depth), ...);
    (proto_put_nested_of<M, Index>(sink, names, depth), ...);
  }(protobuf_indices<M>{});
}

/// A sink that compares: blanks and comments do not count.
class proto_matcher {
 public:
  constexpr explicit proto_matcher(std::string_view expected) : left_{expected} {}

  constexpr void put(std::string_view text) {
    for (const char c : text) {
      if (c == ' ' || c == '\n') continue;
      skip();
      if (left_.empty() || left_.front() != c) {
        matches_ = false;
        return;
      }
      left_.remove_prefix(1);
    }
  }
  template <class T>
  constexpr void put_type() {
    if constexpr (shape_of<T> == shape::record) {
      if (proto_full_name<T>.substr(0, 16) == "google.protobuf.") return put(proto_full_name<T>);
      proto_put_name(*this, proto_short_name<T>);
    } else {
      proto_put_name(*this, type_name<T>);
    }
  }
  constexpr void put_doc(std::string_view, int) {}

  constexpr bool matched() {
    skip();
    return matches_ && left_.empty();
  }

 private:
  constexpr void skip() {
    while (!left_.empty()) {
      if (left_.substr(0, 2) == "//") left_.remove_prefix(left_.find('\n') < left_.size() ? left_.find('\n') : left_.size());
      else if (left_.front() == ' ' || left_.front() == '\n' || left_.front() == '\t' || left_.front() == '\r') left_.remove_prefix(1);
      else return;
    }
  }

  std::string_view left_;
  bool matches_ = true;
};

}  // namespace tenon::inline v0::codec::detail
