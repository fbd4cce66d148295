#include "scheduler/simulator/trace_text.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace cairn {
namespace {

TraceRequest Ask(uint32_t input, std::vector<uint64_t> blocks) {
  TraceRequest request;
  request.input_tokens = input;
  request.blocks = std::move(blocks);
  return request;
}

size_t CommonHead(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

TEST_CASE("prompts are alike for as long as their blocks are") {
  Trace trace{.block_tokens = 8};
  trace.requests = {Ask(20, {1, 2, 3}), Ask(22, {1, 2, 4}), Ask(20, {1, 2, 3}), Ask(5, {})};
  const TraceText text(trace);
  CHECK(text.Prompt(0).size() == 20);
  CHECK(CommonHead(text.Prompt(0), text.Prompt(1)) == 16);
  CHECK(text.Prompt(0) == text.Prompt(2));
  CHECK(CommonHead(text.Prompt(0), text.Prompt(3)) == 0);
  for (TokenId token : text.Prompt(1)) {
    CHECK(token >= 0);
    CHECK(static_cast<uint32_t>(token) < kTraceVocabulary);
  }
}

TEST_CASE("tokens that no block covers are a request's own") {
  Trace trace{.block_tokens = 8};
  trace.requests = {Ask(20, {1, 2}), Ask(20, {1, 2})};
  const TraceText text(trace);
  CHECK(CommonHead(text.Prompt(0), text.Prompt(1)) == 16);
  CHECK(text.At(0, 30) != text.At(1, 30));
}

TEST_CASE("a prompt is what its positions say, and an answer is what the next turn quotes") {
  Trace trace{.block_tokens = 8};
  trace.requests = {Ask(20, {1, 2, 3}), Ask(40, {1, 2, 4, 5, 6})};
  trace.requests[1].previous = 0;
  const TraceText text(trace);
  const std::vector<TokenId> prompt = text.Prompt(0), next = text.Prompt(1);
  for (uint32_t i = 0; i < 20; ++i) CHECK(text.At(0, i) == prompt[i]);
  for (uint32_t i = 0; i < 40; ++i) CHECK(text.At(0, i) == next[i]);
}

TEST_CASE("a next turn that begins otherwise quotes nothing") {
  Trace trace{.block_tokens = 8};
  trace.requests = {Ask(16, {1, 2}), Ask(24, {1, 7, 8})};
  trace.requests[1].previous = 0;
  const TraceText text(trace);
  CHECK(text.At(0, 16) != text.At(1, 16));
}

}  // namespace
}  // namespace cairn
