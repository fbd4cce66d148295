// The flags of `cairn simulate` that say which workers are for which phase, and how they help each
// other.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "scheduler/simulator/slider_search.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

struct PhaseFlags {
  uint32_t prefill = 0;  // workers; without any of them all are mixed
  uint32_t decode = 0;
  uint32_t mixed = 0;
  uint32_t prefill_step_tokens = 2048;
  uint32_t decode_step_tokens = 256;
  bool flow = true;
  bool length_aware = true;
  bool search = false;
  std::string kv_link = "network";

  KvLink link() const { return kv_link == "peer" ? KvLink::kPeer : KvLink::kNetwork; }
  bool any() const { return prefill + decode + mixed > 0; }
  PhaseSliders sliders() const {
    return {.prefill = prefill,
            .decode = decode,
            .mixed = mixed,
            .prefill_chunk = prefill_step_tokens,
            .decode_chunk = decode_step_tokens};
  }
  void Take(const PhaseSliders& sliders) {
    prefill = sliders.prefill;
    decode = sliders.decode;
    mixed = sliders.mixed;
    prefill_step_tokens = sliders.prefill_chunk;
    decode_step_tokens = sliders.decode_chunk;
  }
};

void AddPhaseFlags(CLI::App& app, PhaseFlags& flags);

}  // namespace cairn
