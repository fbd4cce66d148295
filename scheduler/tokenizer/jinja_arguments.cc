#include "scheduler/tokenizer/jinja_arguments.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cairn::jinja {

BoundArguments::BoundArguments(Renderer& renderer, const Arguments& arguments,
                               std::initializer_list<std::string_view> parameters)
    : renderer_(renderer), given_(parameters.size(), nullptr) {
  if (arguments.positional.size() > parameters.size()) {
    renderer.Fail(absl::StrCat("takes at most ", parameters.size(), " arguments, ",
                               arguments.positional.size(), " are given"));
  }
  for (size_t i = 0; i < std::min(arguments.positional.size(), parameters.size()); ++i) {
    given_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(parameters.begin(), parameters.end(), name);
    if (at == parameters.end()) {
      renderer.Fail(absl::StrCat("takes no argument '", name, "'"));
      return;
    }
    given_[static_cast<size_t>(at - parameters.begin())] = &value;
  }
}

bool BoundArguments::Flag(size_t parameter, bool fallback) const {
  return given_[parameter] != nullptr ? IsTrue(*given_[parameter]) : fallback;
}

int64_t BoundArguments::Integer(size_t parameter, int64_t fallback) {
  if (given_[parameter] == nullptr || !renderer_.ok()) return fallback;
  if (!given_[parameter]->IsInteger()) {
    renderer_.Fail(
        absl::StrCat("expected an integer, got '", std::string(TypeName(*given_[parameter])), "'"));
    return fallback;
  }
  return given_[parameter]->AsInt();
}

const Text& BoundArguments::String(size_t parameter) {
  if (given_[parameter] == nullptr || !renderer_.ok()) return nothing_;
  if (!given_[parameter]->Is(Kind::kString)) {
    renderer_.Fail(
        absl::StrCat("expected a string, got '", std::string(TypeName(*given_[parameter])), "'"));
    return nothing_;
  }
  return given_[parameter]->text();
}

}  // namespace cairn::jinja
