// A contract that is declared and never defined: what a client needs. The other side is scripted by the tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/result.hpp>
#include <tenon/reflect/service.hpp>

namespace simulated {

struct shop {
  int price(std::string item);
  void note(std::string text);
  std::string describe(std::string item, int detail);
  TENON_SERVICE(shop, price, note, describe)
};

using shop_client = tenon::client<shop, tenon::codec::json>;

/// A server that answers when it is told to.
struct scripted_shop : world {
  peer server{*this};

  scripted_shop() { server.listen("shop"); }
  auto connector() { return wire.connector_to("shop"); }
  /// The requests that have come since the last time.
  std::vector<frame> requests() {
    std::vector<frame> found = frames();
    std::erase_if(found, [](const frame& each) { return (each.bits & heartbeat) != 0; });
    return found;
  }
  /// The same with heartbeats; a client's first frame is one.
  std::vector<frame> frames() { return frames_in(server.heard()); }
  /// What a tenon server answers to a client's heartbeat.
  void show_as_tenon() { server.say(frame{.bits = response | heartbeat, .metadata = {{"tenon-peer", "server"}}}.bytes()); }
  void answer(const frame& to, std::string payload) { server.say(answer_to(to, std::move(payload))); }
  static std::string answer_to(const frame& to, std::string payload) {
    return frame{.bits = response, .codec = json, .sequence = to.sequence, .payload = std::move(payload)}.bytes();
  }
  static std::string error_to(const frame& to, std::string text) {
    return frame{.bits = response | error, .codec = json, .sequence = to.sequence, .metadata = {{"__rpcx_error__", std::move(text)}}}.bytes();
  }
};

/// Where a callback puts what it is given; the callback may outlive it.
template <class T>
class outcome_of {
  struct record {
    std::optional<tenon::result<T>> value;
    int times = 0;
  };
  std::shared_ptr<record> kept_ = std::make_shared<record>();

 public:
  std::optional<tenon::result<T>>& value = kept_->value;
  int& times = kept_->times;

  outcome_of() = default;
  outcome_of(const outcome_of&) = delete;
  outcome_of& operator=(const outcome_of&) = delete;

  auto taker() {
    return [kept = kept_](tenon::result<T> given) {
      kept->value.emplace(std::move(given));
      ++kept->times;
    };
  }
  bool came() const { return times != 0; }
  std::string text() const { return !value ? "(nothing)" : *value ? "OK" : value->error().to_string(); }
};

}  // namespace simulated
