// The walk over the types of a message or a service that names everything in them as a .proto file has to: what is printed of it, and what reflection makes of it, is two
// forms of one file. Service layer, detail of describe.hpp and reflection.hpp.
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

/// One enumerator as the file has it.
struct proto_enumerator {
  std::string name;
  int value = 0;
};

/// A file under way: what is used is declared before what uses it. `Form` derives from it and writes: `write_message<M>(name, names)`, `write_enum(name, enumerators)`.
template <class Form>
class proto_walk {
 public:
  /// Declares a struct or an enum, and everything it needs, unless that has been done.
  template <class T>
  void declare() {
    constexpr shape form = shape_of<T>;
    if constexpr (form == shape::record) {
      if (is_imported(codec::detail::proto_full_name<T>)) return import_of(codec::detail::proto_full_name<T>);
      if (!enter(&key_of<T>, own_name<T>(), qualified_type_name<T>)) return;
      declare_fields<T>();
      written().template write_message<T>(name_of<T>(), {});
    } else if constexpr (form == shape::enumeration) {
      if (!enter(&key_of<T>, own_name<T>(), qualified_type_name<T>)) return;
      std::vector<proto_enumerator> lines;
      for (const auto& entry : enum_entries<T>) lines.push_back({std::string{entry.name}, static_cast<int>(entry.value)});
      enter_enum(name_of<T>(), lines);
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
    written().template write_message<M>(name, names);
    return name;
  }

  void import(std::string_view file) {
    if (std::find(imports_.begin(), imports_.end(), file) == imports_.end()) imports_.emplace_back(file);
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

  /// The file names of what is imported, in order: `google/protobuf/empty.proto`.
  [[gnu::cold]] std::vector<std::string> imports() const {
    std::vector<std::string> all;
    for (const std::string& each : imports_) all.push_back(tenon::detail::join_text({"google/protobuf/", each, ".proto"}));
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  struct named {
    const void* key;
    std::string name;
  };
  struct text_sink {
    std::string& text;
    void put(std::string_view piece) { text.append(piece); }
  };

  Form& written() noexcept { return static_cast<Form&>(*this); }

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

  // Enumerators share their names with everything else in the file; proto3 wants zero first.
  [[gnu::cold]] void enter_enum(std::string_view name, const std::vector<proto_enumerator>& lines) {
    const bool collides = std::any_of(lines.begin(), lines.end(), [this](const proto_enumerator& each) { return is_taken(each.name); });
    const bool has_zero = std::any_of(lines.begin(), lines.end(), [](const proto_enumerator& each) { return each.value == 0; });
    std::vector<proto_enumerator> all;
    if (!has_zero) all.push_back({tenon::detail::join_text({name, "_unspecified"}), 0});
    const auto take_those = [&](auto wanted) {
      for (const proto_enumerator& each : lines) {
        if (!wanted(each.value)) continue;
        all.push_back({collides ? tenon::detail::join_text({name, "_", each.name}) : each.name, each.value});
        names_.push_back({nullptr, all.back().name});
      }
    };
    take_those([](int value) { return value == 0; });
    take_those([](int value) { return value > 0; });
    take_those([](int value) { return value < 0; });
    written().write_enum(name, all);
  }

  std::vector<named> names_;
  std::vector<std::string> imports_;
};

template <class M, class Form>
std::string proto_message_of(proto_walk<Form>& file, std::string_view wanted, std::span<const std::string_view> names) {
  using namespace codec::detail;
  if constexpr (std::is_void_v<M>) {
    file.import("empty");
    return "google.protobuf.Empty";
  } else if constexpr (shape_of<M> == shape::null) {
    file.import("empty");
    return "google.protobuf.Empty";
  } else if constexpr (shape_of<M> == shape::record) {
    file.template declare<M>();
    return file.template name_of<M>();
  } else if constexpr (is_protobuf_message<M>) {
    return file.template declare_synthetic<M>(wanted, names);
  } else {
    return file.template declare_synthetic<protobuf_wrapped<M>>(wanted, names);
  }
}

/// What a method takes and gives, by the names of the messages.
struct proto_method {
  std::string request;
  std::string response;
};

/// Declares what a method needs.
template <class Method, class Form>
proto_method proto_declare_method(proto_walk<Form>& file) {
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
  proto_method made;
  if constexpr (Method::client_streams) made.request = proto_message_of<typename Method::item>(file, camel(Method::name, "Request"), {});
  else if constexpr (std::tuple_size_v<tuple> == 0) made.request = proto_message_of<void>(file, {}, {});
  else if constexpr (protobuf_is_bare_call<tuple>) made.request = proto_message_of<std::tuple_element_t<0, tuple>>(file, camel(Method::name, "Request"), {});
  else made.request = proto_message_of<protobuf_call<tuple>>(file, camel(Method::name, "Request"), Method::parameter_names);
  made.response = proto_message_of<typename Method::response>(file, camel(Method::name, "Response"), {});
  return made;
}

constexpr std::string_view proto_package_of(std::string_view full_name) {
  const std::size_t dot = full_name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : full_name.substr(0, dot);
}

}  // namespace tenon::inline v0::service::detail
