// Options that come by name, from a document: what a configuration shows of itself without its types, and the exchange of all of it at once. Policy layer.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/core/status.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/select.hpp>

namespace tenon::inline v0 {

namespace detail {

// One address per type, for options that pass a line where types are erased.
template <class T>
inline constexpr char type_key = 0;

}  // namespace detail

namespace policy {

/// One policy's options for one method.
struct option_slot {
  std::string_view name;
  const char* key = nullptr;  ///< stands for the type of the options
  void* options = nullptr;
  bool* enabled = nullptr;    ///< the switch of a policy that is there for some methods only
  bool shared = false;        ///< the policy's state is
  bool keyed = false;
  bool outside_loop = false;  ///< stands before retry
  bool idempotent = true;     ///< the method is declared so
  bool changed = false;
  bool by_method = false;     ///< changed for this method and not for all of a service
};

/// Where a source writes: told of every method of every service in question, before anything is published.
class option_places {
 public:
  virtual void add(std::string_view service, std::string_view method, const option_slot* places, std::size_t count) = 0;

 protected:
  ~option_places() = default;
};

/// Options prepared and not yet in use.
class option_draft {
 public:
  virtual ~option_draft() = default;
  virtual void list(option_places& into) = 0;
  virtual void publish() = 0;
};

/// Something that changes options by the names of services, methods and policies: a document.
///
/// Laws    `write` fills in all drafts, or answers why it cannot; then none of them is published.
class option_source {
 public:
  virtual ~option_source() = default;
  virtual status write(option_draft* const* drafts, std::size_t count) const = 0;
};

// What has no policies can be named by a document all the same.
class draft_of_nothing final : public option_draft {
 public:
  draft_of_nothing(std::string_view service, const std::string_view* names, std::size_t methods) noexcept : service_{service}, names_{names}, methods_{methods} {}
  void list(option_places& into) override {
    for (std::size_t i = 0; i < methods_; ++i) into.add(service_, names_[i], nullptr, 0);
  }
  void publish() override {}

 private:
  std::string_view service_;
  const std::string_view* names_;
  std::size_t methods_;
};

/// A draft of the whole of a `configuration`, beginning with `initial`: what a document leaves out is as the policies' types have it, whatever an earlier one said.
template <class Stack>
class draft final : public option_draft {
  using entry = typename Stack::config;

 public:
  /// `names` are those of the methods; `idempotent` tells which are declared so.
  draft(configuration<Stack>& of, const entry* initial, std::string_view service, const std::string_view* names, const bool* idempotent)
      : of_{of}, service_{service}, names_{names}, idempotent_{idempotent}, entries_{std::make_unique<entry[]>(of.methods())} {
    for (std::size_t i = 0; i < of.methods(); ++i) entries_[i] = initial[i];
  }

  void list(option_places& into) override {
    for (std::size_t i = 0; i < of_.methods(); ++i) list(into, i, std::make_index_sequence<Stack::size>{});
  }
  void publish() override {
    of_.edit([this](entry* entries, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) entries[i] = entries_[i];
    });
  }

 private:
  template <std::size_t... I>
  void list(option_places& into, std::size_t method, std::index_sequence<I...>) {
    option_slot places[] = {slot<I>(std::get<I>(entries_[method]))...};
    for (option_slot& each : places) each.idempotent = idempotent_[method];
    into.add(service_, names_[method], places, Stack::size);
  }
  template <std::size_t I, class Options>
  static option_slot slot(Options& mine) {
    using member = typename Stack::template at<I>;
    using original = typename detail::without_switch<member>::type;
    option_slot made{.name = member::name,
                     .key = &tenon::detail::type_key<typename original::options>,
                     .options = static_cast<typename original::options*>(&mine),
                     .shared = member::mode == sharing::shared,
                     .keyed = member::keyed,
                     .outside_loop = Stack::repeats && I < Stack::attempt_begin};
    if constexpr (!std::is_same_v<original, member>) made.enabled = &mine.enabled;
    return made;
  }

  configuration<Stack>& of_;
  std::string_view service_;
  const std::string_view* names_;
  const bool* idempotent_;
  std::unique_ptr<entry[]> entries_;
};

template <class Stack>
std::unique_ptr<option_draft> draft_of(configuration<Stack>& of, const typename Stack::config* initial, std::string_view service, const std::string_view* names, const bool* idempotent) {
  if constexpr (Stack::size == 0) return std::make_unique<draft_of_nothing>(service, names, of.methods());
  else return std::make_unique<draft<Stack>>(of, initial, service, names, idempotent);
}

}  // namespace policy
}  // namespace tenon::inline v0
