#include "kvstore/block/block_key.h"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

namespace cairn {
namespace {

ModelTraits SmallModel() {
  return {
      .weights_digest = "sha256:abc",
      .weight_format = "int8",
      .rope = "base=10000 neox",
      .geometry =
          {.block_tokens = 16,
           .type = KvType::kBf16,
           .classes = {{.kind = LayerKind::kFull, .layers = {0, 2}, .kv_heads = 3, .head_dim = 64},
                       {.kind = LayerKind::kSlidingWindow,
                        .layers = {1},
                        .kv_heads = 1,
                        .head_dim = 256,
                        .window = 512}}},
      .layout_version = 1};
}

// Made with Python's hashlib from the description in digest.h. If one of these changes, every cache
// of every earlier release is cold: change the version tags in block_key.cc and say so in the
// release notes.
TEST_CASE("keys are what they were in every earlier release") {
  const ModelIdentity model = MakeModelIdentity(SmallModel());
  CHECK(model.digest[0] == 0x39);
  CHECK(model.digest[31] == 0x90);
  const std::array<TokenId, 4> first = {1, 2, 3, 4};
  const std::array<TokenId, 4> second = {5, 6, 7, 49151};
  const BlockKey head = MakeHeadKey(model, "", first);
  CHECK(ToString(head) == "0c06e063bd0c2cf7330a2b5cfd871339");
  CHECK(ToString(MakeHeadKey(model, "tenant", first)) == "28ff98ec70f79fd7488b395a2f5deec2");
  CHECK(ToString(MakeNextKey(model, head, second)) == "c7681d920fca1a10968333a4e1b05ac6");
}

TEST_CASE("whatever makes KV different makes the model's identity different") {
  const ModelIdentity same = MakeModelIdentity(SmallModel());
  std::vector<ModelTraits> others(7, SmallModel());
  others[0].weights_digest = "sha256:abd";
  others[1].weight_format = "bf16";
  others[2].rope = "base=100000 neox";
  others[3].layout_version = 2;
  others[4].geometry.type = KvType::kInt8;
  others[5].geometry.block_tokens = 32;
  others[6].geometry.classes[1].window = 1024;
  for (const ModelTraits& other : others) CHECK_FALSE(MakeModelIdentity(other) == same);
  CHECK(MakeModelIdentity(SmallModel()) == same);
}

TEST_CASE("a key covers model, salt, parent and tokens, and where each of them ends") {
  const ModelIdentity model = MakeModelIdentity(SmallModel());
  const ModelIdentity other_model;
  const std::vector<TokenId> tokens = {1, 2, 3};
  const BlockKey head = MakeHeadKey(model, "a", tokens);
  CHECK(head != MakeHeadKey(other_model, "a", tokens));
  CHECK(head != MakeHeadKey(model, "b", tokens));
  CHECK(head != MakeHeadKey(model, "a", std::vector<TokenId>{1, 2}));
  CHECK(head != MakeHeadKey(model, "a", std::vector<TokenId>{1, 3, 2}));
  const BlockKey next = MakeNextKey(model, head, tokens);
  CHECK(next != head);
  CHECK(next != MakeNextKey(model, {head.high, head.low + 1}, tokens));
  CHECK(next != MakeNextKey(model, {head.high + 1, head.low}, tokens));
}

}  // namespace
}  // namespace cairn
