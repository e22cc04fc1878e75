// A .proto file as a FileDescriptorProto: the same walk that prints the text, with the numbers that protobuf has for what the text says. Service layer, detail of reflection.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_schema.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/detail/file_descriptor.hpp>
#include <tenon/service/detail/proto_walk.hpp>

namespace tenon::inline v0::service::detail {

[[gnu::cold]] constexpr int field_type_of(std::string_view scalar) {
  constexpr std::string_view names[] = {"",       "double", "float", "int64",  "uint64", "int32",    "fixed64",  "fixed32", "bool",
                                        "string", "",       "",      "bytes", "uint32", "",         "sfixed32", "sfixed64", "sint32", "sint64"};
  int number = 0;
  for (const std::string_view each : names) {
    if (!each.empty() && each == scalar) return number;
    ++number;
  }
  return field_type::of_message;
}

/// The services and messages of one package as one file.
class proto_descriptor : public proto_walk<proto_descriptor> {
 public:
  [[gnu::cold]] proto_descriptor(std::string name, std::string_view package) {
    file_.name = std::move(name);
    file_.package = package;
  }

  template <class S>
  void add_service() {
    constexpr std::string_view package = proto_package_of(service_name<S>);
    service_descriptor made;
    made.name = package.empty() ? service_name<S> : service_name<S>.substr(package.size() + 1);
    [&]<std::size_t... Index>(std::index_sequence<Index...>) { (made.method.push_back(this->template describe_method<method<S, Index>>()), ...); }
    (std::make_index_sequence<method_count<S>>{});
    file_.service.push_back(std::move(made));
  }
  [[gnu::cold]] file_descriptor finish() {
    file_.dependency = imports();
    return std::move(file_);
  }
  const std::string& package() const noexcept { return file_.package; }

  // Of a form.
  template <class M>
  void write_message(std::string_view name, std::span<const std::string_view> names) {
    file_.message_type.push_back(describe_message<M>(name, qualified(name), names));
  }
  [[gnu::cold]] void write_enum(std::string_view name, const std::vector<proto_enumerator>& enumerators) {
    enum_descriptor made{.name = std::string{name}, .value = {}};
    for (const proto_enumerator& each : enumerators) made.value.push_back({each.name, each.value});
    file_.enum_type.push_back(std::move(made));
  }

 private:
  struct text_sink {
    std::string text;
    void put(std::string_view piece) { text.append(piece); }
  };

  // Of a name at the top of this file, or of an imported one.
  [[gnu::cold]] std::string qualified(std::string_view name) const {
    if (file_.package.empty() || name.substr(0, 16) == "google.protobuf.") return tenon::detail::join_text({".", name});
    return tenon::detail::join_text({".", file_.package, ".", name});
  }

  template <class Method>
  method_descriptor describe_method() {
    const auto [request, response] = proto_declare_method<Method>(*this);
    method_descriptor made{.name = std::string{Method::name}, .input_type = qualified(request), .output_type = qualified(response)};
    made.client_streaming = Method::client_streams;
    made.server_streaming = Method::server_streams;
    if constexpr (Method::is_idempotent) made.options = method_options_descriptor{.idempotency_level = Method::is_safe ? 1 : 2};
    return made;
  }

  template <class M>
  message_descriptor describe_message(std::string_view name, const std::string& path, std::span<const std::string_view> names) {
    message_descriptor made{.name = std::string{name}};
    if constexpr (shape_of<M> == shape::record) reserve(codec::detail::protobuf_record_attributes<M>(), made);
    std::vector<std::size_t> alone;  // fields whose presence proto3 has to be asked for: each a oneof of one, behind the others
    [&]<std::size_t... Index>(std::index_sequence<Index...>) { (this->template describe_field<M, Index>(made, path, names, alone), ...); }
    (codec::detail::protobuf_indices<M>{});
    close_optionals(made, alone);
    return made;
  }
  template <class... Attributes>
  static void reserve(const boost::hana::tuple<Attributes...>& list, message_descriptor& into) {
    [[maybe_unused]] const auto look = [&into](const auto* attribute) {
      if constexpr (codec::detail::is_reserved_attribute<std::remove_cvref_t<decltype(*attribute)>>) {
        for (const int number : attribute->numbers) into.reserved_range.push_back({number, number + 1});
      }
    };
    (look(find_attribute<Attributes>(list)), ...);
    static_cast<void>(list);
  }
  [[gnu::cold]] static void close_optionals(message_descriptor& of, const std::vector<std::size_t>& alone) {
    for (const std::size_t each : alone) {
      field_descriptor& one = of.field[each];
      one.proto3_optional = true;
      one.oneof_index = static_cast<int>(of.oneof_decl.size());
      of.oneof_decl.push_back({"_" + one.name});
    }
  }

  template <class M, std::size_t Index>
  void describe_field(message_descriptor& into, const std::string& path, std::span<const std::string_view> names, std::vector<std::size_t>& alone) {
    using namespace codec::detail;
    using field_info = protobuf_field<M, Index>;
    using type = typename field_info::type;
    constexpr shape form = shape_of<type>;
    if constexpr (!field_info::keeps_unknown) {
      text_sink name;
      proto_put_field_name<M, Index>(name, names, false);
      if constexpr (form == shape::variant) {
        const auto oneof = static_cast<int>(into.oneof_decl.size());
        into.oneof_decl.push_back({name.text});
        this->template describe_alternatives<M, Index, type>(into, path, names, oneof, std::make_index_sequence<std::variant_size_v<type>>{});
      } else {
        using item = proto_item<type>;
        field_descriptor made{.name = name.text, .number = field_info::number};
        set_type<M, Index, item, field_info::style>(made, into, path, names, 0);
        if constexpr (form == shape::mapping) {
          enter_map(made, into, path, [&] {
            if constexpr (shape_of<typename type::key_type> == shape::enumeration) return std::string_view{"int32"};
            else return proto_scalar<typename type::key_type, field_info::key_style>();
          }());
        } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
          made.label = field_label::repeated;
        } else if constexpr ((form == shape::optional || field_info::is_required) && !proto_has_presence<item>) {
          alone.push_back(into.field.size());
        }
        into.field.push_back(std::move(made));
      }
    }
  }
  template <class M, std::size_t Index, class T, std::size_t... Alternative>
  void describe_alternatives(message_descriptor& into, const std::string& path, std::span<const std::string_view> names, int oneof, std::index_sequence<Alternative...>) {
    using field_info = codec::detail::protobuf_field<M, Index>;
    std::size_t rank = 0;
    const auto describe = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      using type = std::variant_alternative_t<I, T>;
      if constexpr (shape_of<type> != shape::null) {
        text_sink name;
        codec::detail::proto_put_member_name<M, Index, T, I>(name, names, rank);
        field_descriptor made{.name = std::move(name.text), .number = field_info::alternative_number(rank++), .oneof_index = oneof};
        this->template set_type<M, Index, type, field_info::style>(made, into, path, names, static_cast<int>(I) + 1);
        into.field.push_back(std::move(made));
      }
    };
    (describe(std::integral_constant<std::size_t, Alternative>{}), ...);
  }

  // The type of a field's elements; what has no name of its own is declared beside the field.
  template <class M, std::size_t Index, class T, codec::detail::protobuf_style Style>
  void set_type(field_descriptor& of, message_descriptor& into, const std::string& path, std::span<const std::string_view> names, int alternative) {
    using namespace codec::detail;
    if constexpr (proto_is_nameless<T>) {
      text_sink name;
      proto_put_field_name<M, Index>(name, names, true);
      name.put("Item");
      if (alternative != 0) proto_put_number(name, alternative);
      using body = std::conditional_t<shape_of<T> == shape::tuple, T, protobuf_wrapped<T>>;
      of.type = field_type::of_message;
      of.type_name = tenon::detail::join_text({path, ".", name.text});
      into.nested_type.push_back(describe_message<body>(name.text, of.type_name, {}));
    } else if constexpr (shape_of<T> == shape::record || shape_of<T> == shape::enumeration) {
      of.type = shape_of<T> == shape::record ? field_type::of_message : field_type::of_enum;
      of.type_name = qualified(name_of<T>());
    } else {
      constexpr std::string_view scalar = proto_scalar<T, Style>();
      of.type = field_type_of(scalar);
      if (of.type == field_type::of_message) of.type_name = qualified(scalar);
    }
  }
  // `of` has the type of the values: it moves into the message of one entry.
  [[gnu::cold]] static void enter_map(field_descriptor& of, message_descriptor& into, const std::string& path, std::string_view key) {
    text_sink name;
    codec::detail::proto_put_camel(name, of.name);
    name.put("Entry");
    message_descriptor entry{.name = name.text, .options = message_options_descriptor{.map_entry = true}};
    entry.field.push_back({.name = "key", .number = 1, .type = field_type_of(key)});
    entry.field.push_back({.name = "value", .number = 2, .type = of.type, .type_name = std::move(of.type_name)});
    into.nested_type.push_back(std::move(entry));
    of.label = field_label::repeated;
    of.type = field_type::of_message;
    of.type_name = tenon::detail::join_text({path, ".", name.text});
  }

  file_descriptor file_;
};

}  // namespace tenon::inline v0::service::detail
