#include "scheduler/ingress/api_keys.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

// Looks at every byte of `key` whatever `given` is. Only the lengths can be told from the time.
bool SameKey(std::string_view key, std::string_view given) {
  volatile uint8_t difference = key.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < key.size(); ++i) {
    const char other = i < given.size() ? given[i] : '\0';
    difference = static_cast<uint8_t>(difference | static_cast<uint8_t>(key[i] ^ other));
  }
  return difference == 0;
}

bool IsTenantName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

absl::StatusOr<ApiKeys> ApiKeys::Parse(const std::vector<std::string>& entries) {
  ApiKeys keys;
  for (const std::string& entry : entries) {
    const size_t colon = entry.find(':');
    Entry parsed;
    if (colon == std::string::npos) {
      parsed.key = entry;
    } else {
      parsed.tenant = entry.substr(0, colon);
      parsed.key = entry.substr(colon + 1);
      if (!IsTenantName(parsed.tenant)) {
        return absl::InvalidArgumentError(
            TextCat("--api-key: tenant \"", parsed.tenant,
                    "\" must be 1 to 64 letters, digits, '-', '_' or '.'"));
      }
    }
    // The messages never repeat a key: they end up in logs.
    if (parsed.key.empty()) return absl::InvalidArgumentError("--api-key: a key is empty");
    for (const Entry& other : keys.keys_) {
      if (other.key == parsed.key) {
        return absl::InvalidArgumentError("--api-key: the same key is given twice");
      }
    }
    keys.keys_.push_back(std::move(parsed));
  }
  return keys;
}

std::optional<std::string> ApiKeys::Tenant(std::string_view key) const {
  if (keys_.empty()) return std::string();
  const Entry* found = nullptr;
  for (const Entry& entry : keys_) {
    if (SameKey(entry.key, key)) found = &entry;  // no early end
  }
  if (found == nullptr) return std::nullopt;
  return found->tenant;
}

absl::StatusOr<std::string> ApiKeys::Authenticate(std::string_view authorization,
                                                  std::string_view x_api_key) const {
  if (!required()) return std::string();
  std::string_view key = x_api_key;
  if (!authorization.empty()) {
    constexpr std::string_view kBearer = "bearer ";
    if (!absl::StartsWithIgnoreCase(ToAbsl(authorization), ToAbsl(kBearer))) {
      return absl::UnauthenticatedError("the authorization header must be \"Bearer KEY\"");
    }
    const absl::string_view rest =
        absl::StripAsciiWhitespace(ToAbsl(authorization.substr(kBearer.size())));
    key = {rest.data(), rest.size()};
  }
  if (key.empty()) {
    return absl::UnauthenticatedError(
        "no API key was given; send it as \"Authorization: Bearer KEY\"");
  }
  std::optional<std::string> tenant = Tenant(key);
  if (!tenant) return absl::UnauthenticatedError("the API key is not valid");
  return *std::move(tenant);
}

}  // namespace cairn
