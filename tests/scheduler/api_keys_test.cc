#include "scheduler/ingress/api_keys.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("without keys everybody is the tenant without a name") {
  const ApiKeys keys;
  CHECK_FALSE(keys.required());
  CHECK(keys.Authenticate("", "").value() == "");
  CHECK(keys.Authenticate("Bearer anything", "").value() == "");
}

TEST_CASE("a key is taken from either header, and stands for its tenant") {
  const ApiKeys keys = ApiKeys::Parse({"plain-key", "team-a:secret", "team-b:with:colon"}).value();
  REQUIRE(keys.required());
  CHECK(keys.Authenticate("Bearer plain-key", "").value() == "");
  CHECK(keys.Authenticate("bearer secret", "").value() == "team-a");
  CHECK(keys.Authenticate("", "secret").value() == "team-a");
  CHECK(keys.Authenticate("", "with:colon").value() == "team-b");
}

TEST_CASE("a wrong, missing or longer key is refused, and no message repeats a key") {
  const ApiKeys keys = ApiKeys::Parse({"team:secret"}).value();
  for (const char* given : {"", "Bearer ", "Bearer secre", "Bearer secret1", "Bearer Secret",
                            "Basic secret", "secret", "Bearer team:secret"}) {
    INFO(given);
    const absl::Status status = keys.Authenticate(given, "").status();
    CHECK(absl::IsUnauthenticated(status));
    CHECK(status.message().find("secret") == absl::string_view::npos);
  }
}

TEST_CASE("odd entries are refused when the server starts") {
  for (const std::vector<std::string>& entries :
       {std::vector<std::string>{""}, {"team:"}, {":key"}, {"bad name:key"}, {"a:key", "b:key"}}) {
    const absl::Status status = ApiKeys::Parse(entries).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.message().find("--api-key") != absl::string_view::npos);
  }
}

}  // namespace
}  // namespace cairn
