// Door of the policy layer: what a policy is, how policies compose, and the policies themselves.
#pragma once

#include <tenon/policy/concept.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/timeout.hpp>
