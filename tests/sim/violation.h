// A broken invariant, as the checkers of the simulator throw it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace cairn::sim {

class Violation : public std::runtime_error {
 public:
  Violation(std::string checker, const std::string& what)
      : std::runtime_error(what), checker_(std::move(checker)) {}
  const std::string& checker() const { return checker_; }

 private:
  std::string checker_;
};

// Text of anything that can be printed.
template <typename... Parts>
std::string Text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws unless `holds`. The parts are printed one after the other.
template <typename... Parts>
void Demand(bool holds, const char* checker, const Parts&... parts) {
  if (!holds) throw Violation(checker, Text(parts...));
}

}  // namespace cairn::sim
