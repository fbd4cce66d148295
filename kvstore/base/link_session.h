// One end of a session between a scheduler and a worker, over a link that loses, repeats, delays
// and reorders what it carries: words of the other end come out once and in order. Pure: frames and
// the time in, words and frames out. How sessions begin and end is in scheduler/core/worker_links.h
// and worker/core/scheduler_links.h, which have one end each.
//
// Words are numbered from 1. A frame carries a run of them and says up to which number the other
// side's words are here. What is not acknowledged for too long is sent again; at most a window of
// words is under way and the rest waits here. A session is over when nothing was heard for too long
// or too much waits: the answer to both is a new session, not a longer queue.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "kvstore/base/check.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/phase_role.h"
#include "kvstore/base/time.h"

namespace cairn {

struct LinkLimits {
  uint32_t window_words = 1024;   // under way
  uint32_t words_max = 1u << 16;  // under way or waiting
  Duration resend_after = Milliseconds(100);
  Duration beat = Milliseconds(250);  // something is said at least once in so long
  Duration silence_max = Seconds(1);  // who says nothing for so long is taken for gone
};

template <typename Word>
struct LinkFrame {
  uint64_t heard = 0;  // your words up to this one are here
  uint64_t first = 1;  // number of the first of these
  std::vector<Word> words;
};

// Which session a message belongs to. Lives of nodes grow, and so do the numbers that a worker
// gives to its sessions with one scheduler: a word of an earlier session is never taken for one of
// this.
struct LinkId {
  NodeId worker;
  Epoch worker_life;
  NodeId scheduler;
  Epoch scheduler_life;  // zero in a greeting: the worker does not know it yet
  uint64_t session = 0;
  friend bool operator==(const LinkId&, const LinkId&) = default;
};

enum class LinkStep : uint8_t {
  kHello,    // a worker wants a session
  kWelcome,  // a scheduler has one for it
  kFrame,
  kClose,  // this session is over, or never was
};

template <typename Word>
struct LinkMessage {
  LinkId id;
  LinkStep step = LinkStep::kFrame;
  // Of kHello: what the worker is for, and its chunk size. 0: it is given no prompts.
  PhaseRole role = PhaseRole::kMixed;
  uint32_t step_tokens = 0;
  LinkFrame<Word> frame = {};
};

template <typename Out, typename In>
class LinkSession {
 public:
  LinkSession(const LinkLimits& limits, Instant now)
      : limits_(limits), heard_at_(now), said_at_(now), resend_from_(now) {
    CAIRN_CHECK_GT(limits.window_words, 0u);
  }

  void Send(Out word) { words_.push_back(std::move(word)); }

  // The words that are next, in order. A frame that no end of this session can have sent is
  // ignored.
  std::vector<In> Hear(LinkFrame<In> frame, Instant now) {
    if (frame.first == 0 || frame.heard > acknowledged_ + sent_) return {};
    heard_at_ = now;
    Acknowledge(frame.heard, now);
    owes_answer_ |= !frame.words.empty();
    for (size_t i = 0; i < frame.words.size(); ++i) {
      const uint64_t number = frame.first + i;
      // What lies beyond the window will come again.
      if (number <= received_ || number > received_ + limits_.window_words) continue;
      early_.emplace(number, std::move(frame.words[i]));
    }
    std::vector<In> ready;
    while (!early_.empty() && early_.begin()->first == received_ + 1) {
      ready.push_back(std::move(early_.begin()->second));
      early_.erase(early_.begin());
      ++received_;
    }
    return ready;
  }

  // What is to be sent now, if anything. Call until none.
  std::optional<LinkFrame<Out>> NextFrame(Instant now) {
    const uint64_t window = std::min<uint64_t>(words_.size(), limits_.window_words);
    const bool overdue = sent_ > 0 && now - resend_from_ >= limits_.resend_after;
    const bool more = sent_ < window;
    if (!overdue && !more && !owes_answer_ && now - said_at_ < limits_.beat) return std::nullopt;
    const uint64_t from = overdue ? 0 : sent_;
    LinkFrame<Out> frame{.heard = received_, .first = acknowledged_ + from + 1, .words = {}};
    frame.words.assign(words_.begin() + static_cast<std::ptrdiff_t>(from),
                       words_.begin() + static_cast<std::ptrdiff_t>(window));
    if (overdue || sent_ == 0) resend_from_ = now;
    sent_ = window;
    said_at_ = now;
    owes_answer_ = false;
    return frame;
  }

  bool IsOver(Instant now) const {
    return now - heard_at_ > limits_.silence_max || words_.size() > limits_.words_max;
  }
  bool quiet() const { return words_.empty() && early_.empty(); }  // nothing is under way

 private:
  void Acknowledge(uint64_t heard, Instant now) {
    if (heard <= acknowledged_) return;  // an old frame
    const uint64_t fresh = heard - acknowledged_;
    words_.erase(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(fresh));
    acknowledged_ = heard;
    sent_ -= fresh;
    resend_from_ = now;
  }

  const LinkLimits limits_;
  std::deque<Out> words_;  // not acknowledged; the first `sent_` of them are under way
  uint64_t sent_ = 0;
  uint64_t acknowledged_ = 0;     // own words up to this number have arrived
  uint64_t received_ = 0;         // the other end's words up to this number have come out
  std::map<uint64_t, In> early_;  // behind a gap
  bool owes_answer_ = false;
  Instant heard_at_;
  Instant said_at_;
  Instant resend_from_;  // when what is under way began to wait
};

}  // namespace cairn
