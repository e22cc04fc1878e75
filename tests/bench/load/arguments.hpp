// The command line of every program of the benchmark: `name=value`, in any order. For tests/bench only.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// Ends the program when something is no `name=value`. Names that a program does not ask for are left alone, so that all can be given the same line.
class arguments {
 public:
  arguments(int argc, char** argv) : given_{argv + 1, argv + argc} {
    for (const std::string_view each : given_) {
      if (each.find('=') != std::string_view::npos) continue;
      std::fprintf(stderr, "%s: expected name=value, found \"%s\"\n", argv[0], std::string{each}.c_str());
      std::exit(2);
    }
  }

  std::string word(std::string_view name, std::string_view otherwise) const {
    for (const std::string_view each : given_) {
      if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=') return std::string{each.substr(name.size() + 1)};
    }
    return std::string{otherwise};
  }
  double real(std::string_view name, double otherwise) const {
    const std::string found = word(name, "");
    return found.empty() ? otherwise : std::atof(found.c_str());
  }
  std::size_t number(std::string_view name, std::size_t otherwise) const {
    const std::string found = word(name, "");
    return found.empty() ? otherwise : static_cast<std::size_t>(std::atoll(found.c_str()));
  }

 private:
  std::vector<std::string_view> given_;
};
