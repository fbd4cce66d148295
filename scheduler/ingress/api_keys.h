// Who may call: API keys and the tenants they stand for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cairn {

class ApiKeys {
 public:
  ApiKeys() = default;  // no keys: everybody may call, as the tenant without a name
  // Each entry is KEY or TENANT:KEY. InvalidArgument: an empty or repeated key, an odd tenant name.
  static absl::StatusOr<ApiKeys> Parse(const std::vector<std::string>& entries);

  bool required() const { return !keys_.empty(); }
  // The tenant of this key. The time taken tells nothing about how much of a key was right.
  std::optional<std::string> Tenant(std::string_view key) const;
  // The same for the value of an "authorization" header ("Bearer KEY"), or the key alone from
  // "x-api-key". Unauthenticated with a message for the client.
  absl::StatusOr<std::string> Authenticate(std::string_view authorization,
                                           std::string_view x_api_key) const;

 private:
  struct Entry {
    std::string tenant;
    std::string key;
  };
  std::vector<Entry> keys_;
};

}  // namespace cairn
