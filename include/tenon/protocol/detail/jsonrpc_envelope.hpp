// One JSON-RPC object taken apart where it stands: a request, a notification, a response, or neither. Protocol layer.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/plain_text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// The members that mean something, as raw JSON; empty where they are missing. Of a name that comes twice the last counts.
struct jsonrpc_envelope {
  std::string_view version{};
  std::string_view method{};
  std::string_view id{};
  std::string_view params{};
  std::string_view result{};
  std::string_view error{};
  std::string_view meta{};  ///< tenon's own: metadata, and the caller's time

  // One by one: of 112 bytes at once g++ 12 makes a string instruction.
  void clear() noexcept { version = method = id = params = result = error = meta = {}; }
};

// The member that the key at `at` names, by one comparison of eight bytes, and where its name ends: nothing for names of no meaning, and for those that are spelled with escapes.
struct jsonrpc_key {
  std::string_view jsonrpc_envelope::*member = nullptr;
  std::size_t size = 0;
};
inline jsonrpc_key jsonrpc_key_at(const char* at) noexcept {
  using envelope = jsonrpc_envelope;
  const auto is = [at](const char (&text)[9]) { return tenon::detail::load_8(at) == tenon::detail::load_8(text); };
  if (std::memcmp(at, R"("id")", 4) == 0) return {&envelope::id, 4};
  if (is(R"("method")")) return {&envelope::method, 8};
  if (is(R"("params")")) return {&envelope::params, 8};
  if (is(R"("result")")) return {&envelope::result, 8};
  if (is(R"("jsonrpc)") && at[8] == '"') return {&envelope::version, 9};
  if (std::memcmp(at, R"("error")", 7) == 0) return {&envelope::error, 7};
  if (std::memcmp(at, R"("meta")", 6) == 0) return {&envelope::meta, 6};
  return {};
}
[[gnu::noinline]] inline std::string_view jsonrpc_envelope::* jsonrpc_member(std::string_view raw) {
  std::string storage;
  const std::string_view name = json_string_value(raw, storage);
  if (name == "jsonrpc") return &jsonrpc_envelope::version;
  if (name == "method") return &jsonrpc_envelope::method;
  if (name == "id") return &jsonrpc_envelope::id;
  if (name == "params") return &jsonrpc_envelope::params;
  if (name == "result") return &jsonrpc_envelope::result;
  if (name == "error") return &jsonrpc_envelope::error;
  if (name == "meta") return &jsonrpc_envelope::meta;
  return nullptr;
}

/// Reads the object at `at`. Returns the place after it; nullptr where `text` is no JSON.
inline const char* cut_envelope(json_text& text, const char* at, jsonrpc_envelope& into) {
  at = text.skip_blanks(at + 1);
  if (text.is_at(at, '}')) return at + 1;
  if (text.end - at > 16 && std::memcmp(at, R"("jsonrpc":"2.0",)", 16) == 0) {
    into.version = {at + 10, 5};
    at = text.skip_blanks(at + 16);
  }
  while (true) {
    jsonrpc_key key;
    if (text.end - at > 9) key = jsonrpc_key_at(at);
    if (key.member != nullptr) {
      at += key.size;
    } else {
      const char* const name = at;
      at = text.skip_string(at);
      if (at == nullptr) return nullptr;
      key.member = jsonrpc_member({name, static_cast<std::size_t>(at - name)});
    }
    at = text.skip_blanks(at);
    if (!text.is_at(at, ':')) [[unlikely]] return text.fail(at, "':'");
    at = text.skip_blanks(at + 1);
    const char* const value = at;
    at = text.skip_value(at);
    if (at == nullptr) return nullptr;
    if (key.member != nullptr) into.*key.member = {value, static_cast<std::size_t>(at - value)};
    at = text.skip_blanks(at);
    if (text.is_at(at, ',')) at = text.skip_blanks(at + 1);
    else if (text.is_at(at, '}')) return at + 1;
    else return text.fail(at, "',' or '}'");
  }
}

// Strings, numbers of every kind, and null may be ids.
constexpr bool is_jsonrpc_id(std::string_view raw) noexcept {
  return !raw.empty() && (raw.front() == '"' || raw.front() == '-' || raw.front() == 'n' || (raw.front() >= '0' && raw.front() <= '9'));
}

/// Why this is no request, in the specification's terms; empty when it is one.
///
/// Source  JSON-RPC 2.0, 4 and 4.2. `params` may be null here, as it is with many clients.
inline std::string_view fault_of_request(const jsonrpc_envelope& call) noexcept {
  if (call.version.size() != 5 || std::memcmp(call.version.data(), "\"2.0\"", 5) != 0) return R"(Invalid Request: expected member "jsonrpc" to be "2.0")";
  if (!call.id.empty() && !is_jsonrpc_id(call.id)) return R"(Invalid Request: expected member "id" to be a string, a number or null)";
  if (call.method.empty() || call.method.front() != '"') return R"(Invalid Request: expected member "method" to be a string)";
  if (!call.params.empty() && call.params.front() != '[' && call.params.front() != '{' && call.params.front() != 'n') {
    return R"(Invalid Request: expected member "params" to be an array or an object)";
  }
  return {};
}

/// What a codec reads the arguments from: `params`, or the one array within an array of one, since a codec takes an array where a method wants one for the argument itself.
inline std::string_view jsonrpc_arguments(std::string_view params) {
  if (params.empty() || params.front() != '[') return params;
  json_text text{params, params.size()};
  const char* at = text.skip_blanks(text.begin + 1);
  if (!text.is_at(at, '[')) return params;
  const char* const stop = text.skip_value(at);
  return text.is_at(text.skip_blanks(stop), ']') ? std::string_view{at, static_cast<std::size_t>(stop - at)} : params;
}

inline constexpr std::string_view meta_timeout_key = "timeout_ms";
inline constexpr std::string_view meta_credit_key = "stream_credit";

/// What was left of the caller's time, from `meta`.
///
/// Units   milliseconds, a whole number; anything else is no deadline.
inline std::optional<duration> jsonrpc_timeout(std::string_view meta) {
  if (meta.empty() || meta.front() != '{') return std::nullopt;
  json_text text{meta, meta.size()};
  std::optional<duration> found;
  std::string storage;
  json_items members{text, text.begin};
  while (members.next()) {
    if (json_string_value(members.key, storage) != meta_timeout_key) continue;
    std::int64_t milliseconds = 0;
    const char* const stop = members.value.data() + members.value.size();
    const auto [end, error] = std::from_chars(members.value.data(), stop, milliseconds);
    constexpr std::int64_t longest = 1'000'000'000'000;
    if (error == std::errc{} && end == stop) found = std::chrono::milliseconds{milliseconds < 0 ? 0 : milliseconds > longest ? longest : milliseconds};
  }
  return found;
}

/// Reads `meta`: strings, and arrays of them for keys with several values; numbers and booleans by their text.
inline void read_jsonrpc_metadata(std::string_view block, metadata& into) {
  if (block.empty() || block.front() != '{') return;
  json_text text{block, block.size()};
  std::string key_storage;
  std::string value_storage;
  json_items members{text, text.begin};
  while (members.next()) {
    const std::string_view key = json_string_value(members.key, key_storage);
    if (key == meta_timeout_key || key == meta_credit_key) continue;
    const auto add = [&](std::string_view raw) {
      if (raw.front() == '"') into.add(key, json_string_value(raw, value_storage));
      else if (raw.front() != '{' && raw.front() != '[' && raw.front() != 'n') into.add(key, raw);
    };
    if (members.value.front() != '[') {
      add(members.value);
      continue;
    }
    json_items values{text, members.value.data()};
    while (values.next()) add(values.value);
  }
}

/// Appends `,"meta":{...}`, the time first, and the credit of a caller that takes part in streams; nothing when there is none of either.
inline void append_jsonrpc_meta(buffer& out, std::optional<duration> timeout, const metadata& extra, std::uint32_t stream_credit = 0) {
  if (!timeout && extra.empty() && stream_credit == 0) return;
  out.append(R"(,"meta":{)");
  char before = 0;
  const auto begin_member = [&](std::string_view key) {
    if (before != 0) out.push_back(before);
    before = ',';
    append_json_string(out, key);
    out.push_back(':');
  };
  if (timeout) {
    begin_member(meta_timeout_key);
    char digits[24];
    // Rounded up: a server that thinks the time is up a little late does no harm, one that thinks so too early does.
    const auto end = std::to_chars(digits, digits + sizeof digits, (timeout->ns + 999'999) / 1'000'000).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
  }
  if (stream_credit != 0) {
    begin_member(meta_credit_key);
    char digits[12];
    out.append(digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, stream_credit).ptr - digits));
  }
  for (auto each = extra.begin(); each != extra.end(); ++each) {
    const auto same = [&](const metadata::value_type& other) { return metadata::same_key(other.first, each->first); };
    bool repeats = false;
    for (auto earlier = extra.begin(); earlier != each; ++earlier) repeats = repeats || same(*earlier);
    if (repeats) continue;
    bool several = false;
    for (auto later = each + 1; later != extra.end(); ++later) several = several || same(*later);
    begin_member(each->first);
    if (several) out.push_back('[');
    append_json_string(out, each->second);
    for (auto later = each + 1; several && later != extra.end(); ++later) {
      if (!same(*later)) continue;
      out.push_back(',');
      append_json_string(out, later->second);
    }
    if (several) out.push_back(']');
  }
  out.push_back('}');
}

}  // namespace tenon::inline v0::protocol::detail
