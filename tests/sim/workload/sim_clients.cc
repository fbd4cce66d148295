#include "tests/sim/workload/sim_clients.h"

#include <string>
#include <utility>

namespace cairn::sim {

SimClients::SimClients(const SimOptions& options)
    : options_(options), prng_(SplitMix64(options.seed ^ 0xc11e)) {
  for (uint32_t i = 0; i < options.shared_prompts; ++i)
    shared_.push_back(DrawText(options.prompt_max));
}

std::vector<TokenId> SimClients::DrawText(uint32_t length) {
  std::vector<TokenId> text;
  for (uint32_t i = 0; i < length; ++i) {
    text.push_back(static_cast<TokenId>(prng_.Below(options_.worker.vocabulary_size)));
  }
  return text;
}

std::vector<TokenId> SimClients::DrawPrompt(GenerationRequest& request,
                                            const std::vector<RequestChecker::Talk>& talks) {
  if (!earlier_.empty() && prng_.Chance(options_.repeat_chance)) {
    const GenerationRequest& again = earlier_[prng_.Below(earlier_.size())];
    if (prng_.Chance(0.8)) request.cache_salt = again.cache_salt;
    return again.prompt;
  }
  std::vector<TokenId> prompt;
  if (!talks.empty() && prng_.Chance(options_.follow_up_chance)) {
    const RequestChecker::Talk& talk = talks[prng_.Below(talks.size())];
    request.cache_salt = talk.salt;
    prompt = talk.tokens;
    if (prompt.size() > options_.prompt_max) prompt.resize(options_.prompt_max);
  } else {
    const std::vector<TokenId>& shared = shared_[prng_.Below(shared_.size())];
    prompt.assign(shared.begin(),
                  shared.begin() + prng_.Between(0, static_cast<int64_t>(shared.size())));
  }
  const uint64_t room = options_.prompt_max - prompt.size();
  for (TokenId token : DrawText(static_cast<uint32_t>(prng_.Below(room + 1))))
    prompt.push_back(token);
  if (prompt.empty()) prompt = DrawText(1);
  return prompt;
}

GenerationRequest SimClients::Draw(const std::vector<RequestChecker::Talk>& talks) {
  GenerationRequest request;
  request.id = RequestId(++last_id_);
  const uint64_t salt = prng_.Below(options_.salts);
  if (salt > 0) request.cache_salt = "tenant " + std::to_string(salt);
  request.prompt = DrawPrompt(request, talks);
  request.choices = static_cast<uint32_t>(prng_.Between(1, options_.choices_max));
  request.max_tokens =
      static_cast<uint32_t>(prng_.Between(prng_.Chance(0.05) ? 0 : 1, options_.output_max));
  request.min_tokens = prng_.Chance(0.3) ? static_cast<uint32_t>(prng_.Below(10)) : 0;
  request.ignore_eos = prng_.Chance(0.2);
  if (prng_.Chance(0.7)) request.stop_tokens = DrawText(static_cast<uint32_t>(prng_.Between(1, 2)));
  request.priority = static_cast<int32_t>(prng_.Below(static_cast<uint64_t>(options_.priorities)));
  // Some are due before others that came sooner; some have no target.
  request.slo.ttft = Milliseconds(2) * static_cast<int64_t>(request.id.value() % 4);
  request.sampling.seed = prng_.Below(4);
  earlier_.push_back(request);
  if (prng_.Chance(options_.bad_request_chance)) {
    switch (prng_.Below(4)) {
      case 0:
        request.prompt.clear();
        break;
      case 1:
        request.prompt.back() = static_cast<TokenId>(options_.worker.vocabulary_size);
        break;
      case 2:
        request.prompt.resize(options_.worker.context_length + prng_.Below(3), 0);
        break;
      default:
        request.choices = prng_.Chance(0.5) ? 0 : 1'000'000;
        break;
    }
  }
  return request;
}

}  // namespace cairn::sim
