#include <tenon/core/cancellation.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>

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
