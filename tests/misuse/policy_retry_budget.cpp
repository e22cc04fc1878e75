// expect: tenon::retry: a budget has at least one token, and earns nothing below zero; for none at all write budget_form::unlimited
#include <tenon/policy/retry.hpp>

constexpr auto options = tenon::retry<tenon::retry_options{.budget = {.tokens = 0}}>::defaults;
