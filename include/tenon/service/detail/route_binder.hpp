// Makes the arguments of a call out of a route's path, query and body: one text in JSON, for the codec to read. Service layer, detail of route_table.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/utf8.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/service/detail/route_path.hpp>
#include <tenon/service/route.hpp>

namespace tenon::inline v0::service::detail {

/// One use: `bind`, then `take`.
///
/// Laws    nothing that was sent can end the text early or begin another member: text is quoted, everything else is held against JSON's grammar first. What an object in the
///         body does not close itself makes the whole text no JSON, since the path's members come after it.
class route_binder {
 public:
  route_binder(const route& bound, const limits& bounds, buffer& out) : route_{bound}, bounds_{bounds}, out_{out} {}

  status bind(std::string_view path, std::string_view query, std::string_view body) {
    out_.push_back(route_.positional ? '[' : '{');
    if (!route_.positional && (!read_query(query) || !write_body(body) || !write_query(body.empty()))) return error_;
    if (!write_path(path)) return error_;
    out_.push_back(route_.positional ? ']' : '}');
    return {};
  }

 private:
  struct given {
    std::vector<std::string> values{};
    bool in_path = false;
    bool is_bare = false;  // `?name`, without an equals sign
  };

  bool fail(std::string_view where, std::string_view name, std::string_view expected, std::string_view found) {
    constexpr std::size_t longest = 80;
    error_ = status{code::invalid_argument, tenon::detail::join_text({route_.full_name, ": ", where, name.empty() ? "" : " \"", name, name.empty() ? "" : "\"", ": expected ", expected, ", found \"",
                                                                      found.substr(0, longest), found.size() > longest ? "...\"" : "\""})};
    error_.add_flag(outcome::not_executed);
    return false;
  }

  std::size_t index_of(std::string_view name) const {
    for (std::size_t i = 0; i < route_.parameters.size(); ++i) {
      if (route_.parameters[i].name == name) return i;
    }
    return route::none;
  }

  void separate() {
    const char last = out_.view().back();
    if (last != '{' && last != '[') out_.push_back(',');
  }
  void write_name(std::string_view name) {
    separate();
    protocol::detail::append_json_string(out_, name);
    out_.push_back(':');
  }

  // --- the query

  bool read_query(std::string_view query) {
    given_.resize(route_.parameters.size());
    for (std::size_t i = 0; i < count_captures(route_.path); ++i) given_[index_of(capture_at(route_.path, i))].in_path = true;
    while (!query.empty()) {
      const std::string_view each = query.substr(0, query.find('&'));
      query.remove_prefix(each.size() + (each.size() != query.size() ? 1 : 0));
      const std::size_t equals = each.find('=');
      std::string name;
      std::string value;
      if (!read_form(each.substr(0, equals), name) || (equals != std::string_view::npos && !read_form(each.substr(equals + 1), value))) {
        return fail("query", {}, "two hexadecimal digits after each percent sign", each);
      }
      const std::size_t index = index_of(name);
      // Others may have put theirs into the query, and the path counts before it.
      if (index == route::none || given_[index].in_path) continue;
      const route_parameter& parameter = route_.parameters[index];
      if (parameter.value == route_value::body) return fail("query parameter", name, "it in the body, as no query can hold it", value);
      if (!parameter.is_list && !given_[index].values.empty()) return fail("query parameter", name, "it once", value);
      given_[index].is_bare = equals == std::string_view::npos;
      given_[index].values.push_back(std::move(value));
    }
    return true;
  }
  // Forms write a blank as a plus sign.
  static bool read_form(std::string_view escaped, std::string& plain) {
    std::string spaced{escaped};
    for (char& c : spaced) c = c == '+' ? ' ' : c;
    return protocol::detail::unescape(spaced, plain);
  }

  bool write_query(bool without_body) {
    for (std::size_t i = 0; i < given_.size(); ++i) {
      const route_parameter& parameter = route_.parameters[i];
      const given& all = given_[i];
      if (all.in_path || parameter.value == route_value::body) continue;
      if (!parameter.is_list) {
        if (all.values.empty()) continue;
        write_name(parameter.name);
        const bool is_flag = all.is_bare && parameter.value == route_value::boolean;
        if (!write_value(parameter, "query parameter", parameter.name, is_flag ? "true" : std::string_view{all.values[0]})) return false;
        continue;
      }
      // A list that is not given is empty, unless the body may have it or a struct has its own idea.
      if (all.values.empty() && (route_.is_record || !without_body)) continue;
      write_name(parameter.name);
      out_.push_back('[');
      for (const std::string& each : all.values) {
        separate();
        if (!write_value(parameter, "query parameter", parameter.name, each)) return false;
      }
      out_.push_back(']');
    }
    return true;
  }

  // --- the body

  bool write_body(std::string_view body) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = body.find_first_not_of(blanks);
    if (first == std::string_view::npos) return true;
    body = body.substr(first, body.find_last_not_of(blanks) + 1 - first);
    if (route_.in_body != route::none) return write_whole_body(route_.parameters[route_.in_body].name, body);
    if (body.size() < 2 || body.front() != '{' || body.back() != '}') return fail("body", {}, "an object", body);
    body = body.substr(1, body.size() - 2);
    if (body.find_first_not_of(blanks) != std::string_view::npos) out_.append(body);
    return true;
  }
  bool write_whole_body(std::string_view name, std::string_view body) {
    codec::detail::json_scanner scanner{body, bounds_};
    if (const char* at = scanner.skip_value(scanner.begin()); at != nullptr) scanner.finish(at);
    if (error_ = scanner.error().to_status(); !error_.ok()) {
      error_.set_message(tenon::detail::join_text({route_.full_name, ": body: ", error_.message()}));
      error_.add_flag(outcome::not_executed);
      return false;
    }
    write_name(name);
    out_.append(body);
    return true;
  }

  // --- the path

  bool write_path(std::string_view path) {
    std::string_view pattern = route_.path;
    std::string_view wanted;
    std::string_view step;
    std::size_t position = 0;
    while (take_step(pattern, wanted) && take_step(path, step)) {
      if (!is_capture(wanted)) continue;
      const std::string_view name = name_of_capture(wanted);
      std::string plain;
      protocol::detail::unescape(step, plain);
      if (route_.positional) separate();
      else write_name(name);
      if (!write_value(route_.parameters[route_.positional ? position++ : index_of(name)], "path parameter", name, plain)) return false;
    }
    return true;
  }

  // --- a value

  bool write_value(const route_parameter& parameter, std::string_view where, std::string_view name, std::string_view text) {
    switch (parameter.value) {
      case route_value::number:
        if (!is_number(text)) return fail(where, name, "a number", text);
        out_.append(text);
        return true;
      case route_value::boolean:
        if (text != "true" && text != "false") return fail(where, name, "true or false", text);
        out_.append(text);
        return true;
      case route_value::enumeration:
        if (is_number(text)) return out_.append(text), true;
        [[fallthrough]];
      default:
        if (!is_utf8(text)) return fail(where, name, "UTF-8", text);
        protocol::detail::append_json_string(out_, text);
        return true;
    }
  }
  bool is_number(std::string_view text) const {
    codec::detail::json_scanner scanner{text, bounds_};
    codec::detail::json_number ignored;
    return scanner.scan_number(scanner.begin(), ignored) == scanner.end() && !text.empty();
  }
  static bool is_utf8(std::string_view text) noexcept {
    for (std::size_t length = 0; !text.empty(); text.remove_prefix(length)) {
      length = static_cast<unsigned char>(text.front()) < 0x80 ? 1 : tenon::detail::utf8_sequence(text.data(), text.data() + text.size());
      if (length == 0) return false;
    }
    return true;
  }

  const route& route_;
  const limits& bounds_;
  buffer& out_;
  status error_;
  std::vector<given> given_;
};

}  // namespace tenon::inline v0::service::detail
