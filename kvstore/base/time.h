// Time as the cores see it: integer nanoseconds, always an argument. Nothing here reads a clock.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>

namespace cairn {

class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration Nanoseconds(int64_t n) { return Duration(n); }
  constexpr int64_t nanoseconds() const { return ns_; }
  constexpr double seconds() const { return static_cast<double>(ns_) * 1e-9; }
  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration(a.ns_ + b.ns_); }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration(a.ns_ - b.ns_); }
  friend constexpr Duration operator*(Duration a, int64_t k) { return Duration(a.ns_ * k); }
  friend constexpr Duration operator/(Duration a, int64_t k) { return Duration(a.ns_ / k); }
  friend std::ostream& operator<<(std::ostream& out, Duration d) { return out << d.ns_ << "ns"; }

 private:
  constexpr explicit Duration(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

constexpr Duration Nanoseconds(int64_t n) { return Duration::Nanoseconds(n); }
constexpr Duration Microseconds(int64_t n) { return Duration::Nanoseconds(n * 1'000); }
constexpr Duration Milliseconds(int64_t n) { return Duration::Nanoseconds(n * 1'000'000); }
constexpr Duration Seconds(int64_t n) { return Duration::Nanoseconds(n * 1'000'000'000); }

// A moment on one machine's steady clock, in nanoseconds since a start that only that machine
// knows. Never sent to another machine: only durations cross.
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant FromNanoseconds(int64_t ns) { return Instant(ns); }
  constexpr int64_t nanoseconds() const { return ns_; }
  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant t, Duration d) {
    return Instant(t.ns_ + d.nanoseconds());
  }
  friend constexpr Instant operator-(Instant t, Duration d) {
    return Instant(t.ns_ - d.nanoseconds());
  }
  friend constexpr Duration operator-(Instant a, Instant b) { return Nanoseconds(a.ns_ - b.ns_); }
  friend std::ostream& operator<<(std::ostream& out, Instant t) {
    return out << "t+" << t.ns_ << "ns";
  }

 private:
  constexpr explicit Instant(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

}  // namespace cairn
