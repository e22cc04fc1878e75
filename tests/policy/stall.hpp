// A contract with answers that may be kept, and a client of it whose peer the tests play.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <client/shop.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/reflect/service.hpp>

namespace simulated {

struct stall {
  int price(std::string item);
  int stock(std::string item);
  int sell(std::string item);
  TENON_SERVICE(stall, (price, tenon::cacheable), (stock, tenon::cacheable, tenon::idempotent), sell)
};

template <class... Policies>
struct stall_world : scripted_shop {
  tenon::client<stall, tenon::codec::json, Policies...> client{io, connector()};

  /// How many requests the peer has had, each answered with its number in the order of arrival.
  int answered = 0;
  int answer_all() {
    const std::vector<frame> sent = requests();
    for (const frame& each : sent) answer(each, std::to_string(++answered));
    return static_cast<int>(sent.size());
  }
  void refuse_all(std::string_view how) {
    for (const frame& each : requests()) server.say(error_to(each, std::string{how}));
  }
  /// The value of a call that needs no answer from the peer, or what became of it.
  template <class Call>
  static std::string now(stall_world& world, Call&& call) {
    outcome_of<int> got;
    call.then(got.taker());
    world.run();
    world.answer_all();
    return got.text() == "OK" ? std::to_string(**got.value) : got.text();
  }
};

}  // namespace simulated
