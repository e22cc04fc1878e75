#include <tenon/core/cancellation.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

using tenon::cancellation;

namespace {

struct ear final : cancellation::listener {
  void cancelled() override {
    ++told;
    if (again != nullptr) again->request();
    if (destroys != nullptr) destroys->reset();
    if (rival != nullptr) rival->reset();
    if (throws) throw std::runtime_error{"listener"};
  }
  int told = 0;
  cancellation* again = nullptr;
  std::optional<cancellation>* destroys = nullptr;
  std::unique_ptr<ear>* rival = nullptr;
  bool throws = false;
};

}  // namespace

TEST_CASE("a request reaches every listener once") {
  cancellation cancel;
  ear a;
  ear b;
  ear gone;
  cancel.listen(a);
  cancel.listen(b);
  cancel.listen(b);
  cancel.listen(gone);
  gone.leave();
  gone.leave();
  CHECK_FALSE(cancel.requested());
  cancel.request();
  cancel.request();
  CHECK(cancel.requested());
  CHECK(a.told == 1);
  CHECK(b.told == 1);
  CHECK(gone.told == 0);
}

TEST_CASE("who listens too late is told at once") {
  cancellation cancel;
  cancel.request();
  ear late;
  cancel.listen(late);
  CHECK(late.told == 1);
}

TEST_CASE("a listener and a cancellation may go in any order") {
  ear survivor;
  {
    cancellation cancel;
    ear gone;
    cancel.listen(survivor);
    cancel.listen(gone);
  }
  CHECK(survivor.told == 0);
  survivor.leave();
}

TEST_CASE("a listener may request again, and destroy another that has not been told") {
  cancellation cancel;
  auto victim = std::make_unique<ear>();
  ear one;
  cancel.listen(*victim);
  cancel.listen(one);  // told first
  one.again = &cancel;
  one.rival = &victim;
  cancel.request();
  CHECK(one.told == 1);
  CHECK(victim == nullptr);
}

TEST_CASE("a listener may destroy the cancellation, and the others are told all the same") {
  std::optional<cancellation> cancel{std::in_place};
  ear last;
  ear first;
  cancel->listen(last);
  cancel->listen(first);
  first.destroys = &cancel;
  cancel->request();
  CHECK(first.told == 1);
  CHECK(last.told == 1);
}

TEST_CASE("a listener that throws leaves nobody dangling") {
  cancellation cancel;
  ear last;
  ear first;
  cancel.listen(last);
  cancel.listen(first);
  first.throws = true;
  CHECK_THROWS_AS(cancel.request(), std::runtime_error);
  last.leave();
  CHECK(cancel.requested());
}

namespace {

struct kept_ear final : cancellation::follower {
  explicit kept_ear(int& alive) : count{alive} { ++count; }
  ~kept_ear() override { --count; }
  void cancelled() override { ++*told; }
  bool finished() const noexcept override { return *done; }
  int& count;
  int* told = nullptr;
  const bool* done = nullptr;
};

}  // namespace

TEST_CASE("a follower is told like any other, and goes with the cancellation") {
  int alive = 0;
  int told = 0;
  bool done = false;
  {
    cancellation cancel;
    for (int i = 0; i < 3; ++i) {
      auto one = std::make_unique<kept_ear>(alive);
      one->told = &told;
      one->done = &done;
      if (i == 2) cancel.request();
      cancel.listen(std::move(one));
    }
    CHECK(told == 3);
    CHECK(alive == 3);
  }
  CHECK(alive == 0);
}

TEST_CASE("followers that are finished do not gather, and the others stay") {
  int alive = 0;
  int told = 0;
  const bool yes = true;
  const bool no = false;
  cancellation cancel;
  for (int i = 0; i < 1000; ++i) {
    auto one = std::make_unique<kept_ear>(alive);
    one->told = &told;
    one->done = i % 10 == 0 ? &no : &yes;
    cancel.listen(std::move(one));
    CHECK(alive <= 2 * (i / 10 + 1) + 17);
  }
  cancel.request();
  CHECK(told >= 100);
  CHECK(told == alive);
}
