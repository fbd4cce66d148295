#include "worker/core/peer_talk.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

constexpr NodeLife kSource{NodeId(1), Epoch(4)}, kTarget{NodeId(2), Epoch(7)};
constexpr NodeLife kSourceAgain{NodeId(1), Epoch(5)}, kTargetAgain{NodeId(2), Epoch(8)};
constexpr Duration kAnswerMax = Milliseconds(10);
constexpr FetchId kFetch{1};

StartFetch Fetch(NodeLife source = kSource, FetchId id = kFetch) {
  return {.id = id,
          .source = source,
          .range = {.request = RequestId(3), .first = 2, .blocks = 1},
          .targets = {SlotIndex(5)}};
}

// The only message that an end has to send.
PeerMessage Only(PeerTalk& talk) {
  std::vector<PeerMessage> messages = talk.TakeMessages();
  REQUIRE(messages.size() == 1);
  return messages[0];
}

TEST_CASE("a question reaches the source, and its blocks or its refusal end the fetch once") {
  PeerTalk source(kSource, kAnswerMax), target(kTarget, kAnswerMax);
  for (const bool refused : {false, true}) {
    target.Send(Fetch(), Instant());
    const std::optional<WorkerEvent> heard = source.Hear(Only(target));
    REQUIRE(heard.has_value());
    const auto& asked = std::get<BlocksAsked>(*heard);
    CHECK(asked.from == kTarget);
    CHECK(asked.fetch == kFetch);
    CHECK(asked.range.first == 2);
    if (refused) {
      source.Send(RefuseBlocks{asked.from, asked.fetch});
      const PeerMessage no = Only(source);
      const std::optional<WorkerEvent> over = target.Hear(no);
      REQUIRE(over.has_value());
      CHECK(std::get<FetchFinished>(*over).blocks.empty());
      CHECK_FALSE(target.Hear(no).has_value());  // it came twice
    } else {
      CHECK(target.Take(kSource, kTarget, kFetch)->targets[0] == SlotIndex(5));
      CHECK_FALSE(target.Take(kSource, kTarget, kFetch).has_value());
    }
    CHECK(target.Tick(Instant() + Seconds(1)).empty());
  }
}

TEST_CASE("who is not answered in time gives up, and takes nothing that comes after") {
  PeerTalk source(kSource, kAnswerMax), target(kTarget, kAnswerMax);
  target.Send(Fetch(kSource, FetchId(1)), Instant());
  target.Send(Fetch(kSource, FetchId(2)), Instant() + Milliseconds(5));
  CHECK(target.Tick(Instant() + Milliseconds(9)).empty());
  const std::vector<FetchFinished> over = target.Tick(Instant() + Milliseconds(10));
  REQUIRE(over.size() == 1);
  CHECK(over[0].id == FetchId(1));
  CHECK(over[0].blocks.empty());
  CHECK_FALSE(target.Take(kSource, kTarget, FetchId(1)).has_value());
  CHECK(target.Take(kSource, kTarget, FetchId(2)).has_value());
}

TEST_CASE("what an earlier life was asked, told or sent means nothing to a later one") {
  PeerTalk source(kSourceAgain, kAnswerMax), target(kTargetAgain, kAnswerMax);
  // The source has died: its next life has nothing, and says so.
  target.Send(Fetch(kSource), Instant());
  CHECK_FALSE(source.Hear(Only(target)).has_value());
  const std::optional<WorkerEvent> over = target.Hear(Only(source));
  REQUIRE(over.has_value());
  CHECK(std::get<FetchFinished>(*over).id == kFetch);
  CHECK_FALSE(source.Hear({kTarget, kSource, LoanDone{RequestId(3)}}).has_value());
  CHECK(source.Hear({kTarget, kSourceAgain, LoanDone{RequestId(3)}}).has_value());

  // The target has died: its next life has a fetch of the same number under way.
  target.Send(Fetch(kSourceAgain), Instant());
  CHECK_FALSE(target.Take(kSourceAgain, kTarget, kFetch).has_value());
  CHECK_FALSE(target.Hear({kSourceAgain, kTarget, HaveNoBlocks{kFetch}}).has_value());
  CHECK_FALSE(target.Take(kSource, kTargetAgain, kFetch).has_value());  // of another source
  CHECK(target.Take(kSourceAgain, kTargetAgain, kFetch).has_value());
}

}  // namespace
}  // namespace cairn
