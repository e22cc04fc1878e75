// A .proto file of a message or a service: what protoc reads to talk to us. Service layer, detail of describe.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_schema.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/detail/proto_walk.hpp>

namespace tenon::inline v0::service::detail {

/// The file as text.
class proto_file : public proto_walk<proto_file> {
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

  // Of a form.
  template <class M>
  void write_message(std::string_view name, std::span<const std::string_view> names) {
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

  [[gnu::cold]] void write_enum(std::string_view name, const std::vector<proto_enumerator>& enumerators) {
    put(tenon::detail::join_text({"\nenum ", name, " {\n"}));
    for (const proto_enumerator& each : enumerators) put(tenon::detail::join_text({"  ", each.name, " = ", tenon::detail::number_text{each.value}, ";\n"}));
    put("}\n");
  }

  /// The whole file. `package` may be empty.
  [[gnu::cold]] std::string finish(std::string_view package) {
    std::string all = "syntax = \"proto3\";\n";
    if (!package.empty()) all.append("\npackage ").append(package).append(";\n");
    const std::vector<std::string> needed = imports();
    if (!needed.empty()) all += '\n';
    for (const std::string& each : needed) all.append("import \"").append(each).append("\";\n");
    return all.append(text_);
  }

 private:
  std::string text_;
};

template <class Method>
void proto_put_method(proto_file& file, std::string& service) {
  const auto [request, response] = proto_declare_method<Method>(file);
  if constexpr (has_attribute<doc_attribute>(Method::attributes)) service.append("  // ").append(find_attribute<doc_attribute>(Method::attributes)->value).append("\n");
  service.append("  rpc ").append(Method::name).append(Method::client_streams ? "(stream " : "(").append(request);
  service.append(Method::server_streams ? ") returns (stream " : ") returns (").append(response);
  if constexpr (Method::is_safe) service.append(") {\n    option idempotency_level = NO_SIDE_EFFECTS;\n  }\n");
  else service.append(Method::is_idempotent ? ") {\n    option idempotency_level = IDEMPOTENT;\n  }\n" : ");\n");
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
