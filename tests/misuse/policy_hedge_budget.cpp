// expect: tenon::hedge: a budget has at least one token, and earns nothing below zero; for none at all write budget_form::unlimited
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.budget = {.tokens = 0}}>::defaults;
