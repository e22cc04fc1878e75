// Door of the policy layer: what a policy is, how policies compose, and the policies themselves.
#pragma once

#include <tenon/policy/adaptive_algorithm.hpp>
#include <tenon/policy/adaptive_limit.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/breaker_state.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/load_shed.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/order.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/retry_budget.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/throttle.hpp>
#include <tenon/policy/timeout.hpp>
