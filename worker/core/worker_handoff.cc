// How a request comes here from another worker.
#include "worker/core/worker_state.h"

namespace cairn {

// Each choice waits with all the tokens it has, like one that was preempted. They find each other's
// blocks of the prompt through their keys.
void WorkerState::ResumeChoices(LiveRequest& live, const BlockChain& prompt,
                                const std::vector<ResumedChoice>& resume) {
  live.forked = true;
  for (uint32_t i = 0; i < resume.size(); ++i) {
    Choice& choice = live.choices[i];
    choice.tokens = static_cast<uint32_t>(resume[i].tokens.size());
    if (resume[i].ended) {
      choice.ended = true;
      --live.open_choices;
    } else if (choice.tokens >= live.request.max_tokens) {
      EndChoice(live, i, FinishReason::kLength);  // its end was lost, not its last token
    } else {
      choice.sequence = NewSequence(live, i, prompt);
      choice.sequence->chain.Append(resume[i].tokens);
      Enqueue(*choice.sequence);
    }
  }
}

}  // namespace cairn
