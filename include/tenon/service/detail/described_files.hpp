// What reflection can be asked for: files by name, and which file has which symbol. Service layer, detail of reflection.hpp.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/detail/file_descriptor.hpp>
#include <tenon/service/detail/proto_descriptor.hpp>
#include <tenon/service/detail/well_known_files.hpp>

namespace tenon::inline v0::service::detail {

/// Made once, and then read by every loop.
class described_files {
 public:
  struct file {
    std::string bytes;  // of its FileDescriptorProto
    std::vector<std::string> needs;
  };

  /// One file for each package: services of one package may share messages.
  template <class... Services>
  static std::shared_ptr<const described_files> of() {
    std::vector<std::unique_ptr<proto_descriptor>> packages;
    (file_for(packages, proto_package_of(service_name<Services>)).template add_service<Services>(), ...);
    auto made = std::make_shared<described_files>();
    for (const auto& each : packages) made->add(each->finish());
    std::vector<file_descriptor> brought_along = well_known_files();
    for (file_descriptor& each : brought_along) made->add(std::move(each));
    std::sort(made->services_.begin(), made->services_.end());
    return made;
  }

  const std::vector<std::string>& services() const noexcept { return services_; }
  bool has_message(std::string_view name) const { return std::find(messages_.begin(), messages_.end(), name) != messages_.end(); }

  /// The file, and behind it all that it imports; none when there is no such file.
  [[gnu::cold]] std::vector<std::string> file_and_needs(std::string_view name) const {
    std::vector<std::string> all;
    const auto found = files_.find(name);
    if (found == files_.end()) return all;
    all.push_back(found->second.bytes);
    // What is imported here imports nothing itself.
    for (const std::string& each : found->second.needs) {
      if (const auto needed = files_.find(each); needed != files_.end()) all.push_back(needed->second.bytes);
    }
    return all;
  }
  [[gnu::cold]] std::string_view file_with(std::string_view symbol) const {
    const auto found = symbols_.find(symbol);
    return found == symbols_.end() ? std::string_view{} : std::string_view{found->second};
  }

 private:
  [[gnu::cold]] static proto_descriptor& file_for(std::vector<std::unique_ptr<proto_descriptor>>& all, std::string_view package) {
    for (const auto& each : all) {
      if (each->package() == package) return *each;
    }
    std::string name{package.empty() ? std::string_view{"services"} : package};
    std::replace(name.begin(), name.end(), '.', '/');
    return *all.emplace_back(std::make_unique<proto_descriptor>(name.append(".proto"), package));
  }

  [[gnu::cold]] void add(file_descriptor what) {
    set_json_names(what.message_type);
    const std::string scope = what.package.empty() ? std::string{} : what.package + ".";
    for (const message_descriptor& each : what.message_type) add_message(each, scope, what.name);
    for (const enum_descriptor& each : what.enum_type) {
      note(scope + each.name, what.name);
      // As in C++: enumerators stand beside their enum.
      for (const enum_value_descriptor& one : each.value) note(scope + one.name, what.name);
    }
    for (const service_descriptor& each : what.service) {
      services_.push_back(scope + each.name);
      note(scope + each.name, what.name);
      for (const method_descriptor& one : each.method) note(tenon::detail::join_text({scope, each.name, ".", one.name}), what.name);
    }
    files_.insert_or_assign(what.name, file{encode<codec::protobuf>(what), what.dependency});
  }
  [[gnu::cold]] void add_message(const message_descriptor& what, const std::string& scope, const std::string& in) {
    messages_.push_back(scope + what.name);
    note(scope + what.name, in);
    const std::string within = tenon::detail::join_text({scope, what.name, "."});
    for (const field_descriptor& each : what.field) note(within + each.name, in);
    for (const oneof_descriptor& each : what.oneof_decl) note(within + each.name, in);
    for (const message_descriptor& each : what.nested_type) add_message(each, within, in);
  }
  void note(std::string symbol, const std::string& in) { symbols_.insert_or_assign(std::move(symbol), in); }

  std::map<std::string, file, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> symbols_;
  std::vector<std::string> services_;
  std::vector<std::string> messages_;
};

}  // namespace tenon::inline v0::service::detail
