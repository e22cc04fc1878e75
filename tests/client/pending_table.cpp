#include <tenon/client/pending_table.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <simulation.hpp>
#include <tenon/client/call_list.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>

namespace detail = tenon::detail;

namespace {

struct idle_call final : detail::call_base {
  explicit idle_call(detail::channel& via) : call_base{via} {}
  void start() override {}
  void replied(const tenon::protocol::reply&) override {}
  void failed(tenon::status) override {}
  void refused(tenon::status) override {}
  void cancelled(tenon::status) override {}
  void expired() override {}
};

struct calls_of_a_channel : simulated::world {
  calls_of_a_channel() {
    for (auto& each : calls) each = new idle_call{via};
  }
  ~calls_of_a_channel() {
    for (auto* each : calls) {
      each->release();
      each->release();
    }
    via.close(tenon::status{tenon::code::unavailable});
    via.release();
  }
  detail::channel& via = *new detail::channel{io, wire.connector_to("nowhere"), {}};
  std::array<idle_call*, 4> calls{};
};

constexpr std::uint32_t place_of(std::uint64_t id) { return static_cast<std::uint32_t>(id); }

}  // namespace

TEST_CASE("an id finds its call until the place is freed, and never the next call at the same place") {
  calls_of_a_channel some;
  detail::pending_table table;
  CHECK(table.find(0) == nullptr);
  const auto first = table.take(*some.calls[0]);
  const auto second = table.take(*some.calls[1]);
  CHECK(table.size() == 2);
  CHECK(table.find(first) == some.calls[0]);
  CHECK(table.find(second) == some.calls[1]);
  CHECK(table.find(second + 1) == nullptr);
  table.free(place_of(first));
  CHECK(table.find(first) == nullptr);
  const auto third = table.take(*some.calls[2]);
  CHECK(place_of(third) == place_of(first));
  CHECK(third != first);
  CHECK(table.find(first) == nullptr);
  CHECK(table.find(third) == some.calls[2]);
  CHECK(table.find(table.last_id()) == nullptr);
  CHECK(table.size() == 2);
  CHECK(table.places() == 2);
}

TEST_CASE("which of two calls was sent first is told by their ids, wherever they stand") {
  calls_of_a_channel some;
  detail::pending_table table;
  const auto first = table.take(*some.calls[0]);
  const auto second = table.take(*some.calls[1]);
  table.free(place_of(first));
  const auto third = table.take(*some.calls[2]);
  CHECK(!table.sent_after(place_of(second), second));
  CHECK(table.sent_after(place_of(third), second));
  CHECK(!table.sent_after(place_of(second), third));
  CHECK(table.sent_after(place_of(second), 0));
  CHECK(!table.sent_after(place_of(third), table.last_id()));
}

TEST_CASE("marks are those of calls that wait, and go with the next walk") {
  calls_of_a_channel some;
  detail::pending_table table;
  const auto first = table.take(*some.calls[0]);
  const auto second = table.take(*some.calls[1]);
  table.clear_marks();
  table.mark(second);
  table.mark(first + 1000);
  CHECK(!table.marked(place_of(first)));
  CHECK(table.marked(place_of(second)));
  table.clear_marks();
  CHECK(!table.marked(place_of(second)));
}

TEST_CASE("a list keeps calls in order and lets go of any") {
  calls_of_a_channel some;
  detail::call_list list;
  CHECK(list.empty());
  for (auto* each : some.calls) list.push_back(*each);
  CHECK(list.size() == 4);
  list.remove(*some.calls[3]);
  list.remove(*some.calls[1]);
  list.push_back(*some.calls[1]);
  for (const std::size_t expected : {std::size_t{0}, std::size_t{2}, std::size_t{1}}) {
    REQUIRE(list.front() == some.calls[expected]);
    list.remove(*some.calls[expected]);
  }
  CHECK(list.empty());
  CHECK(list.size() == 0);
}
