// TENON_STRUCT: the listing of a struct's fields by hand, for types that need wire names, numbers or private members.
// Reflect layer; fields.hpp reads the listing, which also makes the type a Hana Struct.
#pragma once

#include <string_view>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/detail/for_each_macro.hpp>
#include <tenon/reflect/hana.hpp>

/// Lists the fields of a struct, inside its body, as the last thing: private members may be named.
///
/// Shape   `TENON_STRUCT(T, a, (b, attributes...), ...)`; T itself may be `(T, attributes...)`. The listed fields, and
///         no others, make the message, in this order. T becomes a Hana Struct as well.
#define TENON_STRUCT(record, ...) TENON_DETAIL_FIELDS([[maybe_unused]] friend, tenon_fields, record, __VA_ARGS__)

/// Lists the fields of a struct from outside, in the namespace of the struct and by its unqualified name; for types one
/// may not touch.
#define TENON_STRUCT_FOR(record, ...)                                                                                  \
  TENON_DETAIL_FIELDS([[maybe_unused]], TENON_DETAIL_JOIN(tenon_fields_of_, TENON_DETAIL_NAME(record)), record,        \
                      __VA_ARGS__)

// Nothing here may ask whether the struct is complete: inside its body it is not. Everything is in functions that are
// called later.
#define TENON_DETAIL_FIELDS(specifier, declaration, record, ...)                                                       \
  struct declaration {                                                                                                 \
    using tenon_type = TENON_DETAIL_NAME(record);                                                                      \
    [[maybe_unused]] static constexpr ::std::string_view tenon_names[] = {                                             \
        TENON_DETAIL_TEXT(TENON_DETAIL_NAME(record)), TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_TEXT, __VA_ARGS__)};    \
    static constexpr auto tenon_attributes() {                                                                         \
      return ::tenon::detail::attribute_list(::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(record))          \
                                                 TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_ATTRIBUTES, __VA_ARGS__));   \
    }                                                                                                                  \
    template <class TenonRecord, class TenonVisitor>                                                                   \
    [[gnu::always_inline]] static constexpr decltype(auto) tenon_apply(TenonRecord& tenon_record,                      \
                                                                       TenonVisitor&& tenon_visit) {                   \
      return ::tenon::detail::visit_rest(tenon_visit,                                                                  \
                                         tenon_record TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_MEMBER, __VA_ARGS__));  \
    }                                                                                                                  \
  };                                                                                                                   \
  specifier constexpr declaration tenon_declare_fields(const TENON_DETAIL_NAME(record)*) { return {}; }

#define TENON_DETAIL_FIELD_TEXT(item) TENON_DETAIL_TEXT(TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_FIELD_ATTRIBUTES(item) , ::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(item))
#define TENON_DETAIL_FIELD_MEMBER(item) , tenon_record.TENON_DETAIL_NAME(item)

namespace tenon::inline v0::detail {

void tenon_declare_fields(); // Ends the unqualified lookup: only argument-dependent lookup finds declarations.

template <class T>
concept declares_fields = requires(const T* record) { tenon_declare_fields(record); };

template <class T>
using fields_declaration = decltype(tenon_declare_fields(static_cast<const T*>(nullptr)));

template <class Visitor, class Record, class... Members>
[[gnu::always_inline]] constexpr decltype(auto) visit_rest(Visitor& visit, Record&, Members&... members) {
  return visit(members...);
}

} // namespace tenon::inline v0::detail
