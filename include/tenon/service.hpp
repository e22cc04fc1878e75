// Door of the service layer: routing a call by its names and serving it with an object's method.
#pragma once

#include <tenon/service/describe.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/guarded.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/held.hpp>
#include <tenon/service/method_table.hpp>
#include <tenon/service/offloaded.hpp>
#include <tenon/service/route.hpp>
#include <tenon/service/router.hpp>
#include <tenon/service/running.hpp>
#include <tenon/service/served.hpp>
#include <tenon/service/streamed.hpp>
#include <tenon/service/streaming.hpp>
#include <tenon/service/thread_pool.hpp>
