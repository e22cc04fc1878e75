// One call of a method that streams: the call as any other, with items around it. Client layer; compiled only for methods that stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/client/attempts.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/item_reader.hpp>
#include <tenon/client/item_writer.hpp>
#include <tenon/client/typed_call.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0::detail {

template <class T, class Codec>
class reading_half : public item_reader<T> {
 protected:
  using item_reader<T>::item_reader;
  ~reading_half() = default;

 private:
  virtual const limits& bounds() const noexcept = 0;
  status read_item(std::string_view payload, T& into) override { return decode_into<Codec>(payload, into, bounds()); }
};
template <class T, class Codec>
class writing_half : public typed_writer<T> {
 protected:
  using typed_writer<T>::typed_writer;
  ~writing_half() = default;

 private:
  status encode_item(const T& item, buffer& out) override {
    Codec::encode(out, item);
    return {};
  }
};
// In place of the half that a method does not have.
class no_reading {
 protected:
  no_reading(const call_base&, std::uint32_t) noexcept {}
  ~no_reading() = default;

 private:
  virtual const limits& bounds() const noexcept = 0;
};
class no_writing {
 protected:
  no_writing(const call_base&, protocol::serialization) noexcept {}
  ~no_writing() = default;

 private:
  virtual void item_sent() = 0;
};

// What a streaming call ends with: where the answers were items, nothing beside its status.
template <class S, std::size_t Index>
using stream_response = std::conditional_t<method<S, Index>::server_streams, void, typename method<S, Index>::response>;

template <class S, std::size_t Index, class Codec>
using reading_part = std::conditional_t<method<S, Index>::server_streams, reading_half<std::conditional_t<method<S, Index>::server_streams, typename method<S, Index>::response, int>, Codec>, no_reading>;
template <class S, std::size_t Index, class Codec>
using writing_part = std::conditional_t<method<S, Index>::client_streams, writing_half<std::conditional_t<method<S, Index>::client_streams, typename method<S, Index>::item, int>, Codec>, no_writing>;

/// Laws    it may be tried again until the first item has come or gone, never after that.
template <class S, std::size_t Index, class Codec, class Stack>
class stream_call final : public call_state<stream_response<S, Index>>, public attempts<Stack>, public reading_part<S, Index, Codec>, public writing_part<S, Index, Codec> {
  using response = stream_response<S, Index>;
  using base = call_state<response>;
  using driver = attempts<Stack>;
  using reader = reading_part<S, Index, Codec>;
  using writer = writing_part<S, Index, Codec>;
  static constexpr bool reads = method<S, Index>::server_streams;
  static constexpr bool writes = method<S, Index>::client_streams;

 public:
  stream_call(client_core<Stack>& core, const call_options& chosen)
      : base{core.via}, driver{*this, core, method_to_call<S, Index, Codec>, &chosen}, reader{static_cast<call_base&>(*this), core.via.options().stream_window_bytes}, writer{static_cast<call_base&>(*this), static_cast<protocol::serialization>(Codec::serialization)} {}

  void start() override { driver::go(); }
  void replied(const protocol::reply& answer) override {
    if (reads && answer.error.ok() && !answer.payload.empty()) [[unlikely]] return failed(not_streamed());
    driver::answered(answer);
  }
  void failed(status why) override { driver::attempt_failed(std::move(why)); }
  void refused(status why) override { end(driver::about(std::move(why.add_flag(outcome::not_executed)))); }
  void cancelled(status why) override { driver::give_up(std::move(why)); }

 private:
  void expired() override { driver::time_is_up(); }

  void item(protocol::serialization codec, std::string_view payload) override {
    if constexpr (reads) {
      const call_reference<stream_call> held = hold();
      driver::commit();
      if (codec == static_cast<protocol::serialization>(Codec::serialization)) return reader::arrived(payload);
      reader::break_off(status{outcome{.code = code::internal, .flags = outcome::local}, "an item is in another serialization than was asked for"});
    }
  }
  void credit(std::int64_t bytes) override {
    if constexpr (writes) writer::granted(bytes);
  }
  void opened() override {
    if constexpr (writes) writer::began(this->channel_.first_credit());
  }

  status read_answer([[maybe_unused]] const protocol::reply& answer) override {
    if constexpr (reads || std::is_void_v<response>) {
      return {};
    } else {
      return decode_into<Codec>(answer.payload, this->fresh_value(), this->channel_.options().limits);
    }
  }
  void end(status why) override {
    // The loop's reference, given up even when a callback throws.
    const call_reference<stream_call> held{this};
    if constexpr (writes) writer::ended(why);
    if constexpr (reads) {
      this->complete(status{why});
      reader::ended(why);
    } else {
      this->complete(std::move(why));
    }
  }

  // What ends a stream has no value: this is the answer of somebody who took the call for an ordinary one.
  [[gnu::cold]] static status not_streamed() {
    return status{outcome{.code = code::unimplemented, .flags = outcome::local | outcome::no_retry}, "the answer is one value, and the method streams; the server does not know it as one that does"};
  }
  call_reference<stream_call> hold() noexcept {
    this->retain();
    return call_reference<stream_call>{this};
  }
  const limits& bounds() const noexcept override { return this->channel_.options().limits; }
  void item_sent() override { driver::commit(); }
};

}  // namespace tenon::inline v0::detail
