// A .proto file of a message or a service: what protoc reads to talk to us. Service layer, detail of describe.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_schema.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/names.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/handler.hpp>

namespace tenon::inline v0::service::detail {

/// A file under way: what is used is declared before what uses it.
class proto_file {
 public:
  // Of a sink.
  void put(std::string_view text) { text_.append(text); }
  template <class T>
  void put_type() {
    text_.append(name_of<T>());
  }
  [[gnu::cold]] void put_doc(std::string_view text, int depth) {
    while (!text.empty()) {
      const std::size_t end = (std::min)(text.find('\n'), text.size());
      codec::detail::proto_put_indent(*this, depth);
      put("// ");
      put(text.substr(0, end));
      put("\n");
      text.remove_prefix((std::min)(end + 1, text.size()));
    }
  }

  /// Declares a struct or an enum, and everything it needs, unless that has been done.
  template <class T>
  void declare() {
    constexpr shape form = shape_of<T>;
    if constexpr (form == shape::record) {
      if (is_imported(codec::detail::proto_full_name<T>)) return import_of(codec::detail::proto_full_name<T>);
      if (!enter(&key_of<T>, own_name<T>(), qualified_type_name<T>)) return;
      declare_fields<T>();
      put_message<T>(name_of<T>(), {});
    } else if constexpr (form == shape::enumeration) {
      if (!enter(&key_of<T>, own_name<T>(), qualified_type_name<T>)) return;
      std::vector<enum_line> lines;
      for (const auto& entry : enum_entries<T>) lines.push_back({entry.name, static_cast<int>(entry.value)});
      put_enum(name_of<T>(), lines);
    } else if constexpr (form == shape::optional || form == shape::sequence || form == shape::fixed_sequence || form == shape::mapping) {
      declare<codec::detail::proto_item<T>>();
    } else if constexpr (form == shape::variant) {
      declare_alternatives(static_cast<const T*>(nullptr));
    } else if constexpr (form == shape::tuple) {
      declare_fields<T>();
    } else {
      import_of(codec::detail::proto_scalar<T, codec::detail::protobuf_style::plain>());
    }
  }
  template <class M>
  void declare_fields() {
    [this]<std::size_t... Index>(std::index_sequence<Index...>) {
      (this->template declare_field<codec::detail::protobuf_field<M, Index>>(), ...);
    }(codec::detail::protobuf_indices<M>{});
  }

  /// Declares a message that C++ has no type for, and returns the name it got.
  template <class M>
  std::string declare_synthetic(std::string_view wanted, std::span<const std::string_view> names) {
    declare_fields<M>();
    std::string name{wanted};
    while (is_taken(name)) name += '_';
    names_.push_back({nullptr, name});
    put_message<M>(name, names);
    return name;
  }

  void import(std::string_view file) {
    if (std::find(imports_.begin(), imports_.end(), file) == imports_.end()) imports_.emplace_back(file);
  }

  /// The whole file. `package` may be empty.
  [[gnu::cold]] std::string finish(std::string_view package) {
    std::string all = "syntax = \"proto3\";\n";
    if (!package.empty()) all.append("\npackage ").append(package).append(";\n");
    std::sort(imports_.begin(), imports_.end());
    if (!imports_.empty()) all += '\n';
    for (const std::string& each : imports_) all.append("import \"google/protobuf/").append(each).append(".proto\";\n");
    return all.append(text_);
  }

  template <class T>
  std::string name_of() const {
    if constexpr (shape_of<T> == shape::record) {
      if (is_imported(codec::detail::proto_full_name<T>)) return std::string{codec::detail::proto_full_name<T>};
    }
    for (const named& each : names_) {
      if (each.key == &key_of<T>) return each.name;
    }
    return own_name<T>();
  }

 private:
  struct named {
    const void* key;
    std::string name;
  };
  struct enum_line {
    std::string_view name;
    int value;
  };
  struct text_sink {
    std::string& text;
    void put(std::string_view piece) { text.append(piece); }
  };

  // A variable per type, of which only the address counts.
  template <class T>
  static constexpr char key_of = 0;

  template <class T>
  static std::string own_name() {
    std::string name;
    text_sink sink{name};
    if constexpr (shape_of<T> == shape::record) codec::detail::proto_put_name(sink, codec::detail::proto_short_name<T>);
    else codec::detail::proto_put_name(sink, type_name<T>);
    return name;
  }

  static bool is_imported(std::string_view full_name) { return full_name.substr(0, 16) == "google.protobuf."; }
  [[gnu::cold]] void import_of(std::string_view type) {
    if (!is_imported(type)) return;
    type.remove_prefix(16);
    if (type == "Struct" || type == "Value" || type == "ListValue") return import("struct");
    if (type.size() > 5 && type.substr(type.size() - 5) == "Value") return import("wrappers");
    if (type == "FieldMask") return import("field_mask");
    std::string file{type};
    file.front() = static_cast<char>(file.front() - 'A' + 'a');
    import(file);
  }

  bool is_taken(std::string_view name) const {
    return std::any_of(names_.begin(), names_.end(), [name](const named& each) { return each.name == name; });
  }
  // False when the type has been here. Of two types with one name, the second goes by its namespaces as well.
  [[gnu::cold]] bool enter(const void* key, std::string name, std::string_view qualified) {
    for (const named& each : names_) {
      if (each.key == key) return false;
    }
    if (is_taken(name)) {
      name.clear();
      text_sink sink{name};
      codec::detail::proto_put_name(sink, qualified);
      while (is_taken(name)) name += '_';
    }
    names_.push_back({key, std::move(name)});
    return true;
  }

  template <class Field>
  void declare_field() {
    if constexpr (!Field::keeps_unknown) declare<typename Field::type>();
  }
  // An alternative that says nothing is the oneof's unset state.
  template <class T>
  void declare_alternative() {
    if constexpr (shape_of<T> != shape::null) declare<T>();
  }
  template <class... Alternatives>
  void declare_alternatives(const std::variant<Alternatives...>*) {
    (declare_alternative<Alternatives>(), ...);
  }

  template <class M>
  void put_message(std::string_view name, std::span<const std::string_view> names) {
    put("\n");
    if constexpr (shape_of<M> == shape::record) {
      constexpr const auto& attributes = codec::detail::protobuf_record_attributes<M>();
      if constexpr (has_attribute<doc_attribute>(attributes)) put_doc(find_attribute<doc_attribute>(attributes)->value, 0);
    }
    put("message ");
    put(name);
    put(" {\n");
    codec::detail::proto_put_body<M>(*this, names, 1);
    put("}\n");
  }

  // Enumerators share their names with everything else in the file; proto3 wants zero first.
  [[gnu::cold]] void put_enum(std::string_view name, const std::vector<enum_line>& lines) {
    const bool collides = std::any_of(lines.begin(), lines.end(), [this](const enum_line& each) { return is_taken(each.name); });
    const bool has_zero = std::any_of(lines.begin(), lines.end(), [](const enum_line& each) { return each.value == 0; });
    put(tenon::detail::join_text({"\nenum ", name, " {\n"}));
    if (!has_zero) put(tenon::detail::join_text({"  ", name, "_unspecified = 0;\n"}));
    const auto put_those = [&](auto wanted) {
      for (const enum_line& each : lines) {
        if (!wanted(each.value)) continue;
        std::string full = collides ? tenon::detail::join_text({name, "_", each.name}) : std::string{each.name};
        put(tenon::detail::join_text({"  ", full, " = ", tenon::detail::number_text{each.value}, ";\n"}));
        names_.push_back({nullptr, std::move(full)});
      }
    };
    put_those([](int value) { return value == 0; });
    put_those([](int value) { return value > 0; });
    put_those([](int value) { return value < 0; });
    put("}\n");
  }

  std::string text_;
  std::vector<named> names_;
  std::vector<std::string> imports_;
};

template <class M>
std::string proto_message_of(proto_file& file, std::string_view wanted, std::span<const std::string_view> names) {
  using namespace codec::detail;
  if constexpr (std::is_void_v<M>) {
    file.import("empty");
    return "google.protobuf.Empty";
  } else if constexpr (shape_of<M> == shape::null) {
    file.import("empty");
    return "google.protobuf.Empty";
  } else if constexpr (shape_of<M> == shape::record) {
    file.declare<M>();
    return file.name_of<M>();
  } else if constexpr (is_protobuf_message<M>) {
    return file.declare_synthetic<M>(wanted, names);
  } else {
    return file.declare_synthetic<protobuf_wrapped<M>>(wanted, names);
  }
}

template <class Method>
void proto_put_method(proto_file& file, std::string& service) {
  using namespace codec::detail;
  using tuple = typename parameters_tuple<typename Method::parameters>::type;
  const auto camel = [](std::string_view name, std::string_view end) {
    std::string text;
    struct {
      std::string& text;
      void put(std::string_view piece) { text.append(piece); }
    } sink{text};
    proto_put_camel(sink, name);
    return text.append(end);
  };
  std::string request;
  if constexpr (Method::client_streams) request = proto_message_of<typename Method::item>(file, camel(Method::name, "Request"), {});
  else if constexpr (std::tuple_size_v<tuple> == 0) request = proto_message_of<void>(file, {}, {});
  else if constexpr (protobuf_is_bare_call<tuple>) request = proto_message_of<std::tuple_element_t<0, tuple>>(file, camel(Method::name, "Request"), {});
  else request = proto_message_of<protobuf_call<tuple>>(file, camel(Method::name, "Request"), Method::parameter_names);
  const std::string response = proto_message_of<typename Method::response>(file, camel(Method::name, "Response"), {});
  if constexpr (has_attribute<doc_attribute>(Method::attributes)) service.append("  // ").append(find_attribute<doc_attribute>(Method::attributes)->value).append("\n");
  service.append("  rpc ").append(Method::name).append(Method::client_streams ? "(stream " : "(").append(request);
  service.append(Method::server_streams ? ") returns (stream " : ") returns (").append(response);
  if constexpr (Method::is_safe) service.append(") {\n    option idempotency_level = NO_SIDE_EFFECTS;\n  }\n");
  else service.append(Method::is_idempotent ? ") {\n    option idempotency_level = IDEMPOTENT;\n  }\n" : ");\n");
}

constexpr std::string_view proto_package_of(std::string_view full_name) {
  const std::size_t dot = full_name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : full_name.substr(0, dot);
}

/// The .proto file of a contract or of a message.
template <class T>
std::string proto_text_of() {
  proto_file file;
  if constexpr (contract<T>) {
    std::string methods;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) { (proto_put_method<method<T, Index>>(file, methods), ...); }(std::make_index_sequence<method_count<T>>{});
    constexpr std::string_view name = service_name<T>;
    constexpr std::string_view package = proto_package_of(name);
    file.put("\n");
    if constexpr (has_attribute<doc_attribute>(service_attributes<T>)) file.put_doc(find_attribute<doc_attribute>(service_attributes<T>)->value, 0);
    file.put(tenon::detail::join_text({"service ", package.empty() ? name : name.substr(package.size() + 1), " {\n", methods, "}\n"}));
    return file.finish(package);
  } else {
    static_assert(shape_of<T> == shape::record, "tenon::describe: neither a service nor a message; write a struct, or TENON_SERVICE in the struct");
    file.declare<T>();
    constexpr bool is_named = has_attribute<name_attribute>(codec::detail::protobuf_record_attributes<T>());
    return file.finish(is_named ? proto_package_of(codec::detail::proto_full_name<T>) : std::string_view{});
  }
}

}  // namespace tenon::inline v0::service::detail
