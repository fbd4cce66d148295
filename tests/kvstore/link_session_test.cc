#include "kvstore/base/link_session.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using End = LinkSession<int, int>;
using Frame = LinkFrame<int>;

LinkLimits Limits() {
  return {.window_words = 4,
          .words_max = 100,
          .resend_after = Milliseconds(10),
          .beat = Milliseconds(20),
          .silence_max = Milliseconds(100)};
}

Instant At(int64_t ms) { return Instant() + Milliseconds(ms); }

std::vector<Frame> Frames(End& end, Instant now) {
  std::vector<Frame> frames;
  while (std::optional<Frame> frame = end.NextFrame(now)) frames.push_back(*std::move(frame));
  return frames;
}

TEST_CASE("words come out once and in order whatever the link does, and both ends become quiet") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    LinkLimits limits = Limits();
    limits.window_words = static_cast<uint32_t>(prng.Between(1, 8));
    limits.silence_max = Seconds(1000);
    End ends[2] = {{limits, At(0)}, {limits, At(0)}};
    int said[2] = {}, heard[2] = {};
    std::multimap<Instant, std::pair<int, Frame>> under_way;
    const double loss = prng.Uniform() * 0.6, repeat = prng.Uniform() * 0.3;
    int64_t ms = 0;
    for (; ms < 20'000; ++ms) {
      for (int side : {0, 1}) {
        if (ms < 300 && prng.Chance(0.4)) ends[side].Send(said[side]++);
        for (Frame& frame : Frames(ends[side], At(ms))) {
          for (int copies = prng.Chance(repeat) ? 2 : 1; copies > 0; --copies) {
            if (prng.Chance(loss)) continue;
            under_way.emplace(At(ms + prng.Between(1, 30)), std::pair(1 - side, frame));
          }
        }
      }
      while (!under_way.empty() && under_way.begin()->first <= At(ms)) {
        auto [to, frame] = under_way.extract(under_way.begin()).mapped();
        REQUIRE(frame.words.size() <= limits.window_words);
        for (int word : ends[to].Hear(frame, At(ms))) REQUIRE(word == heard[to]++);
      }
      const bool all = heard[0] == said[1] && heard[1] == said[0];
      if (ms >= 300 && all && ends[0].quiet() && ends[1].quiet()) break;
    }
    CHECK(ms < 20'000);
  }
}

TEST_CASE("what is not acknowledged is sent again after its time, and not before") {
  End one(Limits(), At(0));
  one.Send(7);
  REQUIRE(Frames(one, At(0)).size() == 1);
  CHECK(Frames(one, At(9)).empty());
  const std::vector<Frame> again = Frames(one, At(10));
  REQUIRE(again.size() == 1);
  CHECK(again[0].first == 1);
  CHECK(again[0].words == std::vector<int>{7});
  (void)one.Hear({.heard = 1, .words = {}}, At(11));
  CHECK(Frames(one, At(25)).empty());
  CHECK(one.quiet());
}

TEST_CASE("beyond the window words wait for room, and too many of them end the session") {
  End one(Limits(), At(0));
  for (int word = 0; word < 10; ++word) one.Send(word);
  const std::vector<Frame> frames = Frames(one, At(0));
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].words.size() == 4);
  (void)one.Hear({.heard = 3, .words = {}}, At(1));
  const std::vector<Frame> more = Frames(one, At(1));
  REQUIRE(more.size() == 1);
  CHECK(more[0].first == 5);
  CHECK(more[0].words == std::vector<int>{4, 5, 6});
  CHECK_FALSE(one.IsOver(At(1)));
  for (int word = 0; word < 100; ++word) one.Send(word);
  CHECK(one.IsOver(At(1)));
}

TEST_CASE("a beat is said in quiet times, and silence ends the session") {
  End one(Limits(), At(0));
  CHECK(Frames(one, At(19)).empty());
  CHECK(Frames(one, At(20)).size() == 1);
  CHECK_FALSE(one.IsOver(At(100)));
  CHECK(one.IsOver(At(101)));
}

TEST_CASE("a frame that acknowledges what was never said is ignored") {
  End one(Limits(), At(0));
  one.Send(1);
  (void)Frames(one, At(0));
  CHECK(one.Hear({.heard = 2, .words = {5}}, At(1)).empty());
  CHECK(one.Hear({.heard = 1, .first = 0, .words = {5}}, At(1)).empty());
  CHECK_FALSE(one.quiet());
  CHECK(one.Hear({.heard = 1, .words = {5}}, At(1)) == std::vector<int>{5});
}

}  // namespace
}  // namespace cairn
