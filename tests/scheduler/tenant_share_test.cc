#include "scheduler/core/tenant_share.h"

#include <catch2/catch.hpp>
#include <string>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

TEST_CASE("who begins to wait starts where the least served of those who wait is") {
  TenantShare share({});
  const TenantNumber a = share.NumberOf("a"), b = share.NumberOf("b"), c = share.NumberOf("c");
  share.Wait(a, 10);
  share.Wait(b, 10);
  share.ChargePrompt(a, 500);
  share.ChargePrompt(b, 200);
  share.Wait(c, 10);
  CHECK(share.at(c).served == share.at(b).served);
  CHECK(share.at(c).prompt_tokens == 0);
  // It idles while the others go on, and finds no credit when it comes back.
  share.Leave(c, 10);
  share.ChargePrompt(b, 300);
  share.Wait(c, 10);
  CHECK(share.at(c).served == share.at(a).served);
}

TEST_CASE("where nobody waited, the next one begins where the last one was") {
  TenantShare share({});
  const TenantNumber a = share.NumberOf("a"), b = share.NumberOf("b");
  share.Wait(a, 10);
  share.ChargePrompt(a, 900);
  share.Leave(a, 10);
  share.Wait(b, 10);
  CHECK(share.at(b).served == share.at(a).served);
}

TEST_CASE("what is generated counts like what is read, and weights divide both") {
  TenantShare share({.weights = {{"gold", 4}}});
  const TenantNumber gold = share.NumberOf("gold"), plain = share.NumberOf("plain");
  share.ChargePrompt(gold, 300);
  share.ChargeOutput(gold, 100);
  share.ChargePrompt(plain, 100);
  CHECK(share.at(gold).served == share.at(plain).served);
  CHECK(share.at(gold).output_tokens == 100);
  CHECK(share.TokensFor(gold, share.CostOf(gold, 4000)) == 4000);
}

TEST_CASE("more names than there is room for are one tenant together") {
  TenantShare share({.tenants_max = 3});
  CHECK(share.NumberOf("a") == 0);
  CHECK(share.NumberOf("b") == 1);
  CHECK(share.NumberOf("c") == 2);
  CHECK(share.NumberOf("d") == 2);
  CHECK(share.NumberOf("a") == 0);
  CHECK(share.at(2).name == "(others)");
  CHECK(share.accounts().size() == 3);
}

TEST_CASE("tenants who wait all the time are never further apart than their largest requests") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Prng prng(seed);
    TenantShare share({.weights = {{"1", 3}}});
    constexpr uint64_t kLargest = 5000;
    for (const char* name : {"0", "1", "2"}) share.Wait(share.NumberOf(name), 1);
    for (int i = 0; i < 2000; ++i) {
      TenantNumber next = 0;
      for (TenantNumber t = 1; t < 3; ++t) {
        if (share.at(t).served < share.at(next).served) next = t;
      }
      share.ChargePrompt(next, prng.Between(1, kLargest));
      for (TenantNumber t = 0; t < 3; ++t) {
        for (TenantNumber u = 0; u < 3; ++u) {
          const VirtualTokens bound = share.CostOf(0, kLargest);
          REQUIRE(share.at(t).served.value <= share.at(u).served.value + bound.value);
        }
      }
    }
    const auto tokens = [&](TenantNumber t) {
      return static_cast<double>(share.at(t).prompt_tokens);
    };
    CHECK(tokens(1) / tokens(0) == Approx(3).epsilon(0.02));
  }
}

}  // namespace
}  // namespace cairn
