// What a store core wants done.
#pragma once

#include <variant>

#include "kvstore/tier/move.h"

namespace cairn {

// Carry out the move and answer with one MoveFinished. May run beside a step of the engine: the
// step neither writes the move's source nor touches its target.
struct StartMove {
  Move move;
};

using StoreAction = std::variant<StartMove>;

}  // namespace cairn
