// A loop for the preprocessor, and the taking apart of `item` and `(item, attributes...)`. Reflect layer, detail of
// TENON_STRUCT and TENON_SERVICE. It must stay defined where a user expands those macros, so nothing here is undefined
// again.
#pragma once

// TENON_DETAIL_FOR_EACH(macro, a, b, ...) is macro(a) macro(b) ...; the macro that is called must not use FOR_EACH
// itself. Eight items a step and at least 40 rescans: more than 300 items. A rescan costs the whole text again, hence
// the wide step.
#define TENON_DETAIL_FOR_EACH(macro, ...) __VA_OPT__(TENON_DETAIL_RESCAN(TENON_DETAIL_STEP1(macro, __VA_ARGS__)))

#define TENON_DETAIL_RESCAN(...) TENON_DETAIL_RESCAN3(TENON_DETAIL_RESCAN3(TENON_DETAIL_RESCAN3(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN3(...) TENON_DETAIL_RESCAN2(TENON_DETAIL_RESCAN2(TENON_DETAIL_RESCAN2(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN2(...) TENON_DETAIL_RESCAN1(TENON_DETAIL_RESCAN1(TENON_DETAIL_RESCAN1(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN1(...) __VA_ARGS__

#define TENON_DETAIL_STEP1(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP2(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP2(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP3(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP3(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP4(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP4(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP5(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP5(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP6(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP6(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP7(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP7(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP8(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP8(macro, item, ...)                                                                           \
  macro(item) __VA_OPT__(TENON_DETAIL_AGAIN TENON_DETAIL_PARENTHESES(macro, __VA_ARGS__))
#define TENON_DETAIL_AGAIN() TENON_DETAIL_STEP1
#define TENON_DETAIL_PARENTHESES ()

#define TENON_DETAIL_JOIN(left, right) TENON_DETAIL_JOIN_TOKENS(left, right)
#define TENON_DETAIL_JOIN_TOKENS(left, right) left##right
#define TENON_DETAIL_TEXT(name) TENON_DETAIL_TEXT_OF(name)
#define TENON_DETAIL_TEXT_OF(name) #name

// 1 for `(item, ...)`, 0 for `item`.
#define TENON_DETAIL_IS_LIST(item) TENON_DETAIL_SECOND(TENON_DETAIL_IS_LIST_PROBE item, 0, )
#define TENON_DETAIL_IS_LIST_PROBE(...) unused, 1
#define TENON_DETAIL_SECOND(...) TENON_DETAIL_SECOND_OF(__VA_ARGS__)
#define TENON_DETAIL_SECOND_OF(first, second, ...) second

// The name of an item.
#define TENON_DETAIL_NAME(item) TENON_DETAIL_JOIN(TENON_DETAIL_NAME_, TENON_DETAIL_IS_LIST(item))(item)
#define TENON_DETAIL_NAME_0(item) item
#define TENON_DETAIL_NAME_1(item) TENON_DETAIL_FIRST item
#define TENON_DETAIL_FIRST(first, ...) first

// The attributes of an item, with commas between them; nothing when there are none.
#define TENON_DETAIL_ATTRIBUTES(item) TENON_DETAIL_JOIN(TENON_DETAIL_ATTRIBUTES_, TENON_DETAIL_IS_LIST(item))(item)
#define TENON_DETAIL_ATTRIBUTES_0(item)
#define TENON_DETAIL_ATTRIBUTES_1(item) TENON_DETAIL_REST item
#define TENON_DETAIL_REST(first, ...) __VA_ARGS__
